#pragma once

#include <span>
#include <vector>

#include "symbolize/program.h"

namespace pstuck {

/// What the threads' frames show about the objects in question, by object.
class FrameClues {
 public:
  /// The variables must outlive it.
  FrameClues(std::vector<ObjectUse> uses, std::span<const VariableHit> variables);

  /// By machine code; ascending by thread, innermost frame first.
  [[nodiscard]] std::span<const ObjectUse> uses_of(Address object) const;
  /// By debug information; ascending by thread and frame.
  [[nodiscard]] std::span<const VariableHit* const> variables_of(Address object) const;

 private:
  std::vector<ObjectUse> uses_;
  std::vector<const VariableHit*> variables_;
};

}  // namespace pstuck
