#pragma once

#include <set>

#include "analyzers/waits/recogniser.h"

namespace pstuck {

/// What the frames between the kernel and the program keep in callee-saved registers and on the
/// stack: where a waiting function's arguments are. Without names, what lies next to the stack
/// pointer. Bounded.
std::set<Address> words_of_waiting_functions(const FutexSleeper& sleeper);

/// What lies next to a thread's stack pointer.
std::set<Address> words_at_stack_pointer(const ThreadSnapshot& thread, Memory& memory);

}  // namespace pstuck
