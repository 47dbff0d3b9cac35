#include "analyzers/acquisitions.h"

namespace pstuck {

void attribute_frames(const Stacks& /*stacks*/, Program& /*program*/,
                      std::span<const VariableHit> /*variables*/, Diagnosis& /*diagnosis*/) {}

}  // namespace pstuck
