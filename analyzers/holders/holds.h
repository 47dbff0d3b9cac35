#pragma once

#include <vector>

#include "analyzers/holders/source.h"

namespace pstuck {

/// A frame that took a lock and still has it, as far as its witnesses are to be believed.
struct Hold {
  ThreadIndex thread = 0;
  std::size_t frame = 0;  ///< the program's own frame that took it, or called what did
  bool shared = false;    ///< with other readers
};

/// At most one for each thread, ascending: its innermost. Beside what a frame's code says on every
/// path, a guard counts that cannot be without its lock or that the code confirms.
std::vector<Hold> find_holds(const PartnerQuestion& question);

/// The thread waits for the resource in question.
bool waits_for_it(const PartnerQuestion& question, ThreadIndex thread);

/// A frame of the standard library or libc stands for the program's frame around it.
std::size_t program_frame(const PartnerQuestion& question, ThreadIndex thread, std::size_t frame);

/// Both are of the thread's stack, and the thread is one of the snapshot's.
bool is_frame(const PartnerQuestion& question, ThreadIndex thread, std::size_t frame);

}  // namespace pstuck
