#pragma once

/// One file for each way to tell who must act where a resource does not record it; table.cpp lists
/// them.

#include <span>
#include <vector>

#include "analyzers/diagnose.h"
#include "analyzers/program_frames.h"

namespace pstuck {

/// All that may be asked while partners are looked for.
struct PartnerSearch {
  const Snapshot& snapshot;
  const Stacks& stacks;
  const ProgramFrames& frames;
  const Sources& sources;
  std::span<const VariableHit> variables;  ///< of the locks in the diagnosis
  const Diagnosis& diagnosis;  ///< as far as it is: its threads, waits, held locks, resources
};

/// Who must act before a thread that waits for the resource can go on.
struct PartnerFinds {
  std::vector<Partner> partners;  ///< in any order, a thread more than once counts once
  bool complete = false;          ///< as Resource::partners_complete
  Needs needs = Needs::kAll;
};

/// Asked only about resources that somebody waits for and whose holder's fate is kNotRecorded.
using PartnerSource = PartnerFinds (*)(const PartnerSearch& search, ResourceIndex resource);

/// Fills in Resource::partners and what follows from them: a single complete one is the holder.
/// `resources` are those of the search's diagnosis.
void find_partners(const PartnerSearch& search, std::span<Resource> resources);

}  // namespace pstuck
