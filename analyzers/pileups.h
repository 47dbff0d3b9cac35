#pragma once

#include <vector>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// One pile-up for each resource that threads outside the cycles wait for, in the order of the
/// resources. Where their chains lead is still open: see find_root_blockers().
std::vector<PileUp> find_pile_ups(const Diagnosis& diagnosis);

/// Most victims first.
void sort_pile_ups(std::vector<PileUp>& pile_ups);

}  // namespace pstuck
