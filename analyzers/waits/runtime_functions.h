#pragma once

#include <string_view>
#include <vector>

#include "analyzers/waits/recogniser.h"

namespace pstuck {

/// The functions of libc and of the C++ runtime between the kernel and the program's own innermost
/// frame, innermost first, as their symbols or debug information call them: "syscall",
/// "std::latch::wait() const". Those without a name are left out.
std::vector<std::string_view> runtime_functions(const FutexSleeper& sleeper);

/// Whether one of them has this text in its name.
bool is_in(const std::vector<std::string_view>& functions, std::string_view text);

/// Whether nothing but syscall() has a name between the kernel and the program: so the call can be
/// the C++ runtime's own, inlined into the program's code or linked into it without symbols.
bool is_a_bare_syscall(const FutexSleeper& sleeper);

}  // namespace pstuck
