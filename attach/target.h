#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "attach/file_places.h"
#include "attach/memory.h"
#include "attach/snapshot.h"

namespace pstuck {

class OpenDescriptors;

struct CaptureOptions {
  std::size_t stack_bytes =
      64 * 1024;        ///< copied for each thread; deeper bytes are read when needed
  bool stop = true;     ///< else all threads are read as they sleep, without being stopped
  bool freeze = false;  ///< stop all threads at one instant
  /// Shared by the captures of several processes; null: each reads its own.
  OpenDescriptors* descriptors = nullptr;
  std::function<void(std::size_t done, std::size_t total)> progress;  ///< may be empty
};

/// A task that is not one of the target's threads, found by the id that a lock recorded.
struct TaskElsewhere {
  Tid tid;      ///< as pstuck's PID namespace counts
  Tid process;  ///< its thread group
  std::string process_name;
  bool in_parent = false;     ///< the process is the target's parent
  char state = '?';           ///< as in proc(5)
  std::int64_t syscall = -1;  ///< that it is in; -1: in none, or not known
};

/// One thread, looked at again without stopping it.
struct ThreadLook {
  Tid tid;
  bool exists = false;
  Syscall syscall;
  std::optional<ContextSwitches> switches;
};

/// The threads in question and the words of the locks in question, at one later time.
struct Look {
  std::chrono::nanoseconds monotonic{0};
  std::vector<ThreadLook> threads;  ///< in the order asked for
  /// The first 24 bytes of each lock in the order asked for; none when unreadable.
  std::vector<std::optional<std::array<std::byte, 24>>> locks;
};

/// Which threads of a snapshot are to be looked at once more.
struct SampleRequest {
  std::vector<Tid> captured;  ///< with registers and stack, each stopped alone as in a capture
  std::vector<Tid> watched;   ///< as far as /proc tells, without a stop
  std::size_t stack_bytes = 64 * 1024;
};

struct Sample {
  std::chrono::nanoseconds monotonic{0};
  /// Those to be captured, then those to be watched, as asked for; of one that is gone only the
  /// tid and the state X.
  std::vector<ThreadSnapshot> threads;
  std::chrono::nanoseconds longest_stop{0};
};

/// Who can tell whose id a lock recorded when no thread of the target has it.
class TaskFinder {
 public:
  TaskFinder() = default;
  TaskFinder(const TaskFinder&) = delete;
  TaskFinder& operator=(const TaskFinder&) = delete;
  virtual ~TaskFinder() = default;

  /// The id counts in the target's PID namespace. Always none for a core.
  virtual std::optional<TaskElsewhere> find_task(Tid id_in_target) = 0;

  /// Private memory of Process::forked_from; false where there is none.
  virtual bool read_in_parent(Address /*from*/, std::span<std::byte> /*into*/) { return false; }
};

/// A live process or a core file: the seam behind which every target is the same.
class Target : public TaskFinder {
 public:
  /// Throws Error. A live target runs again when it returns, and when it throws.
  virtual Snapshot capture(const CaptureOptions& options) = 0;

  virtual Memory& memory() = 0;

  /// Reads threads and locks again without stopping anything; none for a core.
  virtual std::optional<Look> look_again(std::span<const Tid> threads,
                                         std::span<const Address> locks) = 0;

  /// Looks at threads of the last capture once more; none for a core. All run when it returns.
  virtual std::optional<Sample> sample(const Snapshot& snapshot, const SampleRequest& request) = 0;
};

struct TargetOptions {
  std::string executable;  ///< --exe: for a core whose executable cannot be found by itself
  FilePlaces places;       ///< of the files of a core's modules
  /// In MiB, while a core is unpacked; `total` is 0 where it is not known. May be empty.
  std::function<void(std::size_t done, std::size_t total)> progress;
};

/// Tells a PID from a core by looking. Throws Error.
std::unique_ptr<Target> open_target(const std::string& spec, const TargetOptions& options);

}  // namespace pstuck
