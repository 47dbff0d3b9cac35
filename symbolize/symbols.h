#pragma once

#include <span>
#include <vector>

#include "symbolize/program.h"

namespace pstuck {

/// Who turns captured threads into stacks and knows the program: from the program's files, or from
/// what a saved snapshot has of them.
class Symbols : public Program {
 public:
  /// Unwinds and names every thread's stack.
  virtual Stacks symbolize() = 0;
  /// The same for threads of the same process, captured at another time, whose stacks the memory
  /// has by now.
  virtual Stacks symbolize(std::span<const ThreadSnapshot> threads) = 0;

  /// Module files that could not be used, found out while symbolizing.
  [[nodiscard]] virtual std::vector<BlindSpot> blind_spots() const = 0;
};

}  // namespace pstuck
