#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attach/memory.h"
#include "attach/syscalls.h"

namespace pstuck {

/// What a call that blocks is about, as its arguments tell.
struct CallSubject {
  CallAct act = CallAct::kDevice;
  /// At most kMostDescriptors; empty where it names none. Of a transfer: where the data comes from,
  /// and where it goes.
  std::vector<std::int32_t> descriptors;
  bool more_descriptors = false;
  bool of_queue = false;                   ///< the descriptor is a message queue of POSIX
  std::optional<Tid> child;                ///< as the target counts; none: any child
  std::optional<std::int32_t> id;          ///< of System V semaphores or messages
  std::optional<std::int32_t> group;       ///< waits for a child in it; 0: in the target's own
  std::optional<std::uint32_t> semaphore;  ///< number in its set; none: several
  bool reads = false;                      ///< opens to read
  bool writes = false;                     ///< opens to write
  bool exclusive = false;                  ///< of a file lock
  bool is_of_process = false;              ///< of a lock of a part of a file: else of an open file
  std::optional<std::pair<std::uint64_t, std::uint64_t>> bytes;  ///< of it: first and last
  std::string address;  ///< that is to be connected with, "10.0.0.5:5432"
  std::string path;     ///< that is to be opened; may be cut
};

inline constexpr std::size_t kMostDescriptors = 64;

/// `number` is that of the call, its restarts resolved as far as they can be; kRestartSyscall is
/// taken for poll, the only one of those that are restarted which names descriptors. None for a
/// call that is not in the table, and for one that does not block.
std::optional<CallSubject> find_call_subject(std::int64_t number,
                                             const std::array<std::uint64_t, 6>& arguments,
                                             Memory& memory);

}  // namespace pstuck
