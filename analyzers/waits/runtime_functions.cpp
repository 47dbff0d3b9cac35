#include "analyzers/waits/runtime_functions.h"

#include <algorithm>

namespace pstuck {
namespace {

// Stacks of the runtime's own functions are not deeper.
constexpr std::size_t kMostFunctions = 64;

// The function that made the call stands where syscall() returns to, or is the innermost itself
// where a compiler's own system call was inlined.
const Frame* find_caller(const FutexSleeper& sleeper) {
  const auto caller = std::ranges::find_if(sleeper.stack.frames, [&](const Frame& frame) {
    return sleeper.frames.owner(frame) != FrameOwner::kLibc;
  });
  return caller == sleeper.stack.frames.end() ? nullptr : &*caller;
}

}  // namespace

std::vector<std::string_view> runtime_functions(const FutexSleeper& sleeper) {
  std::vector<std::string_view> functions;
  for (const Frame& frame : sleeper.stack.frames) {
    const std::string_view name = sleeper.frames.name(frame);
    const bool is_guard = name.find("__cxa_guard_") != std::string_view::npos;
    if (sleeper.frames.owner(frame) == FrameOwner::kProgram && !is_guard) break;
    if (functions.size() >= kMostFunctions) break;
    if (!name.empty()) functions.push_back(name);
  }
  return functions;
}

bool is_in(const std::vector<std::string_view>& functions, std::string_view text) {
  return std::ranges::any_of(functions, [&](std::string_view function) {
    return function.find(text) != std::string_view::npos;
  });
}

bool is_a_bare_syscall(const FutexSleeper& sleeper) {
  if (sleeper.call.instruction == CallInstruction::kNamesCall) return false;
  const auto functions = runtime_functions(sleeper);
  const auto is_other = [](std::string_view name) { return plain_libc_name(name) != "syscall"; };
  if (std::ranges::any_of(functions, is_other)) return false;
  const Frame* caller = find_caller(sleeper);
  return caller != nullptr && meaning_of(sleeper.frames.name(*caller)) != NameMeans::kElse;
}

}  // namespace pstuck
