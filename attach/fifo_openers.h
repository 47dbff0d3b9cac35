#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attach/call_subject.h"
#include "attach/ids.h"
#include "attach/kernel_facts.h"
#include "attach/mounts.h"

namespace pstuck {

/// What in these bytes can be a path to a file of this name, each once: the characters before the
/// name that paths commonly have, and all characters before it up to a zero byte. Few, none very
/// short.
std::vector<std::string> find_paths(std::string_view bytes, std::string_view name);

/// The FIFO that a process's call is to open; none where it is another file, or not a local one.
std::optional<FileId> find_fifo_to_open(const ProcDirectory& process, const CallSubject& subject,
                                        Mounts& mounts);

/// Whom a thread may wait for that opens a FIFO which nobody has open. Asks all processes once.
class FifoOpeners {
 public:
  /// Processes of the process's session that themselves wait to open another FIFO, and that have a
  /// path to this one in their command line or in their memory. Not one that was forked from the
  /// process, or it from that, and executed nothing since: it has all paths that the other had. No
  /// more than likely: the kernel does not know who will open it. Ascending, few; nobody once much
  /// memory has been searched.
  std::vector<Tid> find(Tid process, FileId fifo, const std::string& path, Mounts& mounts);

 private:
  struct Candidate {
    Tid pid;
    Tid session;
    FileId fifo;  ///< that its first thread waits to open
  };

  /// The program that a process has executed, and where its stack was put at random then.
  struct Execution {
    std::string program;
    std::optional<Address> end_of_stack;

    friend bool operator==(const Execution&, const Execution&) = default;
  };

  void find_candidates(Mounts& mounts);
  const Execution& execution_of(Tid process);

  std::optional<std::vector<Candidate>> candidates_;
  std::map<Tid, Tid> sessions_;
  std::map<Tid, Execution> executions_;  // of those that were compared
  std::uint64_t searched_ = 0;           // bytes
};

}  // namespace pstuck
