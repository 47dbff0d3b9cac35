#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "symbolize/formulas.h"

namespace pstuck {

/// A lock that a function took.
struct TakenLock {
  Address call;                ///< of the instruction that took it
  std::vector<Formula> names;  ///< ascending; empty where the lock could not be followed
  bool certain = true;         ///< else not on all paths from the function's entry to here
  bool given_back = false;     ///< since then, on all paths on which it was taken

  [[nodiscard]] bool is_called(Formula name) const {
    return std::ranges::binary_search(names, name);
  }

  friend bool operator==(const TakenLock&, const TakenLock&) = default;
};

/// What is known before an instruction of a function.
struct FlowState {
  std::array<Formula, kMachineRegisters> registers;
  std::map<Formula, Formula> memory;  ///< words that were written, by their addresses
  std::vector<TakenLock> taken;       ///< in the order of taking
  std::set<Formula> given_back;       ///< without having been taken in this function
  /// The call that tried to take a lock, while eax tells with 0 that it did …
  std::optional<Address> tried;
  /// … and while the flags tell.
  std::optional<Address> tested;
  std::optional<bool> zero;  ///< what the flags say of a number that is known

  friend bool operator==(const FlowState&, const FlowState&) = default;
};

/// What a call does, in formulas over the registers and memory at the callee's entry.
struct CallEffect {
  struct Take {
    Formula lock;
    bool certain = true;
  };

  bool known = false;  ///< else it may write where its arguments point
  bool tries = false;  ///< takes the locks only when it returns 0
  std::vector<Take> takes;
  std::vector<Formula> gives_back;
  std::vector<std::pair<Formula, Formula>> writes;  ///< address, word
  Formula result;
};

}  // namespace pstuck
