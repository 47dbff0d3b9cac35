#include "symbolize/library_calls.h"

#include <algorithm>

#include "symbolize/call_site.h"

namespace pstuck {

std::optional<Address> LibraryCalls::find_target(const Stack& stack) {
  const auto is_in_library = [&](const Frame& frame) {
    const auto module = modules_.find(frame.pc.for_lookup());
    return module && modules_.is_c_library(*module);
  };
  if (stack.frames.empty() || !is_in_library(stack.frames.front())) return {};
  const auto caller = std::ranges::find_if_not(stack.frames, is_in_library);
  if (caller == stack.frames.end() || !caller->pc.is_return_address()) return {};
  const Address at = caller->pc.address();
  const auto [entry, is_new] = targets_.try_emplace(at.value);
  if (is_new) {
    const auto call = decode_call_before(memory_, at, modules_.machine());
    if (call) entry->second = call->target;
  }
  return entry->second;
}

}  // namespace pstuck
