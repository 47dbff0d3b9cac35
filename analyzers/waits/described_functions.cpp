#include "analyzers/waits/described_functions.h"

#include <algorithm>

#include "symbolize/function_patterns.h"

namespace pstuck {

const DescribedFunctions::Locks& DescribedFunctions::own(const Frame& frame) {
  const auto [entry, is_new] = own_.try_emplace(frame.location);
  if (is_new) entry->second = find(frames_.name(frame));
  return entry->second;
}

const DescribedFunctions::Locks& DescribedFunctions::called(const Frame& frame) {
  static const Locks kNone;
  if (!frame.pc.is_return_address() || frames_.location(frame).inlined) return kNone;
  const auto [entry, is_new] = called_.try_emplace(frame.pc.address().value);
  if (is_new) entry->second = find(program_.find_called_function(frame.pc));
  return entry->second;
}

DescribedFunctions::Locks DescribedFunctions::find(std::string_view function) const {
  Locks found;
  if (function.empty()) return found;
  const std::string bare = bare_function_name(function);
  for (const LockDescription& lock : locks_) {
    const bool is_named = std::ranges::any_of(
        lock.waits_in, [&](const std::string& pattern) { return names_function(pattern, bare); });
    if (is_named) found.push_back(&lock);
  }
  return found;
}

}  // namespace pstuck
