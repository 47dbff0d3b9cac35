#include "symbolize/library_calls.h"

#include <algorithm>

#include "symbolize/call_site.h"

namespace pstuck {

std::optional<Address> find_library_call(const LoadedModules& modules, Memory& memory,
                                         const Stack& stack) {
  const auto is_in_library = [&](const Frame& frame) {
    const auto module = modules.find(frame.pc.for_lookup());
    return module && modules.is_c_library(*module);
  };
  if (stack.frames.empty() || !is_in_library(stack.frames.front())) return {};
  const auto caller = std::ranges::find_if_not(stack.frames, is_in_library);
  if (caller == stack.frames.end() || !caller->pc.is_return_address()) return {};
  const auto call = decode_call_before(memory, caller->pc.address());
  return call ? call->target : std::nullopt;
}

}  // namespace pstuck
