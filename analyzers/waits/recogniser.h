#pragma once

/// One file for each primitive that a thread can wait in; table.cpp lists them.

#include <algorithm>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "analyzers/diagnosis.h"
#include "analyzers/program_frames.h"
#include "analyzers/thread_ids.h"
#include "analyzers/waits/cleanup_chain.h"
#include "analyzers/waits/described_functions.h"
#include "analyzers/waits/futex_call.h"
#include "analyzers/waits/library_names.h"
#include "analyzers/waits/mutex_layout.h"
#include "analyzers/waits/stdio_layout.h"
#include "symbolize/program.h"

namespace pstuck {

/// By the address of what is run once; an id of 0 where several threads say that they run it.
using OnceRunners = std::unordered_map<std::uint64_t, Tid>;

/// What all who wait for one object of musl's have to be asked for.
struct MuslFinds {
  /// By the instance of a barrier the barrier that its companions lead to; none for several.
  std::unordered_map<std::uint64_t, std::optional<Address>> barriers;
  /// By a condition variable the nodes of all who wait for it; empty for one that is none.
  std::unordered_map<std::uint64_t, std::unordered_set<std::uint64_t>> waiters;
};

/// Reads each lock once, so that all who wait for it are judged by the same bytes.
class LockReader {
 public:
  explicit LockReader(Memory& memory) : memory_(memory) {}

  std::optional<MutexBytes> read_mutex(Address at);
  /// As read_cleanup_chain().
  const std::vector<CleanupHandler>& read_cleanup(const ThreadSnapshot& thread);
  /// The thread that runs the routine of this pthread_once_t, as its cleanup chain says; its id in
  /// the target's namespace. None where no thread or more than one says so.
  std::optional<Tid> find_once_runner(const Snapshot& snapshot, Address once);
  /// What Resource::seen is for an object of this size; empty when it cannot be read.
  std::vector<std::byte> read_seen(Address at, std::size_t size);
  /// The FILE of libc's list of open FILEs that has its lock here.
  std::optional<Address> find_file(Program& program, Address lock);
  /// The threads whose system call has this first argument, as a futex call has its word.
  const std::vector<const ThreadSnapshot*>& find_callers(const Snapshot& snapshot,
                                                         Address argument);
  [[nodiscard]] MuslFinds& musl() { return musl_; }
  [[nodiscard]] Memory& memory() { return memory_; }
  /// Takes these off the objects that may be read on a mere guess, over all threads: what leads to
  /// them is hostile. False when there are not so many left.
  bool may_guess(std::uint64_t objects);

 private:
  Memory& memory_;
  std::uint64_t guesses_left_ = 1 << 20;
  std::unordered_map<std::uint64_t, std::optional<MutexBytes>> mutexes_;
  std::unordered_map<const ThreadSnapshot*, std::vector<CleanupHandler>> cleanup_;
  std::optional<OnceRunners> once_runners_;
  std::optional<std::unordered_map<std::uint64_t, Address>> files_;  // by lock
  std::unordered_map<std::uint64_t, std::vector<const ThreadSnapshot*>> callers_;
  MuslFinds musl_;
};

/// One thread that sleeps in a futex call, and all that may be asked about it.
struct FutexSleeper {
  const Snapshot& snapshot;
  const ThreadSnapshot& thread;
  const Stack& stack;
  const ProgramFrames& frames;
  const ThreadIds& ids;
  const FutexCall& call;
  const NamedWait& names;
  LockReader& locks;
  Program& program;
  const Stacks& stacks;
  ThreadIndex index;              ///< of the thread
  DescribedFunctions& described;  ///< by lock files; the first that fits counts
};

/// Whose id a lock recorded, before anybody looked for the task that has it.
struct RecordedOwner {
  OwnerFate fate = OwnerFate::kNotRecorded;  ///< kThread: `id` is to be found
  std::optional<Tid> id;
};

struct RecognisedWait {
  Resource resource;  ///< all but its name, holder and partners; its kind is set by the table,
                      ///< where the row names one
  WaitKind kind = WaitKind::kLock;
  RecognisedBy by = RecognisedBy::kRegisters;
  RecordedOwner owner;
};

/// The first bytes of an object that was read, for Resource::seen.
template <typename T>
std::vector<std::byte> bytes_seen(const T& object,
                                  std::size_t size = std::min<std::size_t>(24, sizeof(T))) {
  const auto bytes = std::as_bytes(std::span(&object, 1)).first(size);
  return {bytes.begin(), bytes.end()};
}

/// None when the thread waits for something else, and when the proof is not good enough.
using Recogniser = std::optional<RecognisedWait> (*)(const FutexSleeper&);

std::optional<RecognisedWait> recognise_atomic_wait(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_counting_semaphore(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_future(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_latch(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_library_lock(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_libc_lock(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_musl_barrier(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_musl_condition(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_musl_join(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_musl_libc_lock(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_musl_mutex(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_musl_once(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_musl_rwlock(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_musl_semaphore(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_musl_stdio(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_omp_barrier(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_pthread_barrier(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_pthread_cond(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_pthread_join(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_pthread_mutex(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_pthread_once(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_pthread_rwlock(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_refused_pi_mutex(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_semaphore(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_static_guard(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_std_barrier(const FutexSleeper& sleeper);
std::optional<RecognisedWait> recognise_stdio_lock(const FutexSleeper& sleeper);

/// One thread that runs, and all that may be asked about it.
struct RunningThread {
  const ThreadSnapshot& thread;
  const Stack& stack;
  const ProgramFrames& frames;
  LockReader& locks;
};

std::optional<RecognisedWait> recognise_pthread_spin(const RunningThread& running);

/// A thread that runs can wait all the same: it spins until a lock is free.
std::optional<RecognisedWait> recognise_spin(const RunningThread& running);

/// The first row of the table that recognises the wait.
std::optional<RecognisedWait> recognise_wait(const FutexSleeper& sleeper);

/// What a lock says that records a pthread_t.
RecordedOwner find_owner(const StdioLock& lock, Memory& memory);

/// What is known of a mutex once it is sure that `sleeper` waits for it.
RecognisedWait describe_mutex_wait(const FutexSleeper& sleeper, Address address,
                                   const MutexBytes& mutex, const MutexTraits& traits);

}  // namespace pstuck
