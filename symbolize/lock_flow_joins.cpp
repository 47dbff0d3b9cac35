// What is known where several ways come together: see lock_flow.cpp for the names that places get.

#include <algorithm>

#include "symbolize/lock_flow.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostNames = 8;  // of one lock

}  // namespace

/// Keeps what both know alike.
void LockFlow::meet(Block& into, const FlowState& from) {
  for (std::size_t i = 0; i < kMachineRegisters; ++i) {
    if (into.in.registers[i] != from.registers[i]) into.in.registers[i] = {};
  }
  into.in.memory.erase_if([&](const auto& entry) {
    const auto other = from.memory.find(entry.first);
    return other == from.memory.end() || other->second != entry.second;
  });
  join_written(into, from);
  join_taken(into, from);
}

/// What was written on any path is not what it was at entry.
bool LockFlow::join_written(Block& into, const FlowState& from) {
  bool changed = from.met_stranger && !into.in.met_stranger;
  into.in.met_stranger = into.in.met_stranger || from.met_stranger;
  if (into.in.written == from.written) return changed;
  for (const auto& [address, size] : from.written) {
    const auto [known_size, is_new] = into.in.written.try_emplace(address, size);
    if (!is_new && known_size >= size) continue;
    known_size = size;
    changed = true;
  }
  return changed;
}

bool LockFlow::is_stale(const Block& block, Formula formula) const {
  return formulas_.mentions(formula, Formulas::Kind::kJoined, start_of(block).value);
}

Formula LockFlow::joined(const Block& block, const Formulas::Place& place) {
  return formulas_.joined(start_of(block), place);
}

/// A lock that is told by what a joined place holds gets a name by the place's new one too: in a
/// walk along a list the lock of "next" becomes the lock of "current".
void LockFlow::rename_taken(const Block& block, FlowState& state) {
  for (TakenLock& taken : state.taken) {
    std::vector<Formula> names;
    for (const Formula name : taken.names) {
      if (!is_stale(block, name)) names.push_back(name);
      const auto add_joined = [&](Formula old, const Formulas::Place& place) {
        if (old.base != name.base || old.base == 0) return;
        const Formula new_name = joined(block, place) + (name.offset - old.offset);
        if (new_name.known()) names.push_back(new_name);
      };
      for (const MachineRegister number : block.joined_registers) {
        add_joined(state.registers[number], {.in_register = number});
      }
      for (const Formula& address : block.joined_words) {
        const auto word = state.memory.find(address);
        if (word != state.memory.end()) add_joined(word->second.value, {.address = address});
      }
    }
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (names.size() > kMostNames) names.resize(kMostNames);
    taken.names = std::move(names);
  }
}

/// Gives the places that are known to be joined here their names.
void LockFlow::rename_joined(const Block& block, FlowState& state) {
  for (std::size_t i = 0; i < kMachineRegisters; ++i) {
    const auto number = static_cast<MachineRegister>(i);
    if (block.joined_registers.contains(number)) {
      state.registers[i] = joined(block, {.in_register = number});
    } else if (is_stale(block, state.registers[i])) {
      state.registers[i] = {};
    }
  }
  state.memory.erase_if([&](const auto& entry) {
    const bool keeps_its_name =
        block.joined_words.contains(entry.first) || !is_stale(block, entry.second.value);
    return block.dropped_words.contains(entry.first) || is_stale(block, entry.first) ||
           !keeps_its_name;
  });
  for (auto& [address, place] : state.memory) {
    if (block.joined_words.contains(address)) place.value = joined(block, {.address = address});
  }
  state.memory.erase_if([](const auto& entry) { return !entry.second.value.known(); });
  state.written.erase_if([&](const auto& entry) { return is_stale(block, entry.first); });
  std::erase_if(state.acts, [&](const auto& act) { return is_stale(block, act.first); });
}

bool LockFlow::join_registers(Block& block, const FlowState& from) {
  bool changed = false;
  for (std::size_t i = 0; i < kMachineRegisters; ++i) {
    Formula& word = block.in.registers[i];
    if (word == from.registers[i]) continue;
    const auto number = static_cast<MachineRegister>(i);
    if (!block.joined_registers.insert(number).second) continue;
    new_joins_ = changed = true;
    word = joined(block, {.in_register = number});
  }
  return changed;
}

bool LockFlow::join_memory(Block& block, const FlowState& from) {
  const std::size_t erased = block.in.memory.erase_if([&](const auto& entry) {
    const bool is_lost = !from.memory.contains(entry.first);
    if (is_lost) block.dropped_words.insert(entry.first);
    return is_lost;
  });
  bool changed = erased > 0;
  for (auto& [address, place] : block.in.memory) {
    const KnownPlace& other = from.memory.at(address);
    if (other == place || !block.joined_words.insert(address).second) continue;
    place = {joined(block, {.address = address}), std::min(place.size, other.size)};
    changed = true;
  }
  block.in.memory.erase_if([](const auto& entry) { return !entry.second.value.known(); });
  new_joins_ = new_joins_ || changed;
  return changed;
}

/// One lock that each of two ways took with an instruction of its own.
bool LockFlow::join_alternatives(TakenLock& taken, const TakenLock& other) {
  const bool are_alike = taken.certain && other.certain && !taken.given_back && !other.given_back &&
                         taken.shared == other.shared && taken.family == other.family;
  if (!are_alike) return false;
  std::vector<Formula> common;
  std::ranges::set_intersection(taken.names, other.names, std::back_inserter(common));
  if (common.empty()) return false;
  taken.names = std::move(common);
  taken.call = std::min(taken.call, other.call);
  return true;
}

bool LockFlow::join_taken(Block& block, const FlowState& from) {
  if (block.in.taken == from.taken && block.in.given_back == from.given_back &&
      block.in.acts == from.acts) {
    return false;
  }
  std::vector<TakenLock> all = block.in.taken;
  std::vector<bool> met(from.taken.size());
  for (TakenLock& taken : all) {
    bool in_both = false;
    for (std::size_t i = 0; i < from.taken.size() && !in_both; ++i) {
      const TakenLock& other = from.taken[i];
      if (met[i] || other.call != taken.call || other.shared != taken.shared) continue;
      std::vector<Formula> common;
      std::ranges::set_intersection(taken.names, other.names, std::back_inserter(common));
      if (common.empty() && !(taken.names.empty() && other.names.empty())) continue;
      taken.names = std::move(common);
      taken.certain = taken.certain && other.certain && taken.given_back == other.given_back;
      taken.given_back = taken.given_back && other.given_back;
      in_both = met[i] = true;
    }
    for (std::size_t i = 0; i < from.taken.size() && !in_both; ++i) {
      in_both = !met[i] && join_alternatives(taken, from.taken[i]);
      met[i] = met[i] || in_both;
    }
    taken.certain = taken.certain && in_both;
  }
  for (std::size_t i = 0; i < from.taken.size() && all.size() < kMostTaken; ++i) {
    const bool is_told = std::ranges::any_of(all, [&](const TakenLock& taken) {
      return taken.call == from.taken[i].call && taken.names == from.taken[i].names;
    });
    if (met[i] || is_told) continue;
    all.push_back(from.taken[i]);
    all.back().certain = false;
  }
  std::map<GivenBack, bool> given_back = from.given_back;
  for (auto& [lock, certain] : given_back) {
    certain = certain && block.in.given_back.contains(lock) && block.in.given_back.at(lock);
  }
  for (const auto& [lock, certain] : block.in.given_back) given_back.emplace(lock, false);
  const std::size_t acts_before = block.in.acts.size();
  block.in.acts.insert(from.acts.begin(), from.acts.end());
  const bool changed = all != block.in.taken || given_back != block.in.given_back ||
                       block.in.acts.size() != acts_before;
  block.in.taken = std::move(all);
  block.in.given_back = std::move(given_back);
  return changed;
}

bool LockFlow::arrive(Block& block, Way way, FlowState from) {
  const bool is_joined = !block.joined_registers.empty() || !block.joined_words.empty() ||
                         !block.dropped_words.empty();
  if (is_joined) {
    rename_taken(block, from);
    rename_joined(block, from);
  }
  if (!block.was_reached || block.only_way == way) {
    const bool changed = !block.was_reached || block.in != from;
    block.was_reached = true;
    block.only_way = way;
    block.in = std::move(from);
    return changed;
  }
  block.only_way.reset();
  bool changed = join_registers(block, from);
  changed = join_memory(block, from) || changed;
  changed = join_written(block, from) || changed;
  changed = join_taken(block, from) || changed;
  if (block.in.tried && block.in.tried != from.tried) {
    block.in.tried.reset();
    changed = true;
  }
  return changed;
}

}  // namespace pstuck
