#include "symbolize/flow_state.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostPlaces = 96;   // of memory that are followed at a time
constexpr std::size_t kMostWritten = 96;  // places outside the frame

}  // namespace

bool overlap(Formula a, std::uint64_t a_size, Formula b, std::uint64_t b_size) {
  if (a.base != b.base) return false;
  return a.offset - b.offset < b_size || b.offset - a.offset < a_size;
}

bool FlowState::was_written(Formula address, std::uint64_t size) const {
  return std::ranges::any_of(written, [&](const auto& entry) {
    return overlap(entry.first, entry.second, address, size);
  });
}

void FlowState::forget(Formula address, std::uint64_t size) {
  if (!address.known()) return;
  memory.erase_if(
      [&](const auto& entry) { return overlap(entry.first, entry.second.size, address, size); });
  if (Formulas::is_in_own_frame(address) || written.size() >= kMostWritten) return;
  std::uint64_t& known_size = written[address];
  known_size = std::max(known_size, size);
}

void FlowState::keep(Formula address, KnownPlace place) {
  if (!address.known() || !place.value.known() || memory.size() >= kMostPlaces) return;
  memory[address] = place;
}

void FlowState::take(TakenLock lock) {
  // In a loop a call may have taken others before, of which one that nothing tells is enough.
  std::erase_if(taken, [&](const TakenLock& other) {
    return other.call == lock.call && other.names == lock.names;
  });
  taken.push_back(std::move(lock));
}

void FlowState::write(Formula address, KnownPlace place) {
  forget(address, place.size);
  keep(address, place);
}

}  // namespace pstuck
