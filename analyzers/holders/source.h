#pragma once

/// One file for each way to tell who must act where a resource does not record it; table.cpp lists
/// them.

#include <span>
#include <vector>

#include "analyzers/diagnose.h"
#include "analyzers/holders/frame_clues.h"
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

/// One resource that somebody waits for and whose holder's fate is kNotRecorded.
struct PartnerQuestion {
  const PartnerSearch& search;
  const FrameClues& clues;
  ResourceIndex index = 0;

  [[nodiscard]] const Resource& resource() const { return search.diagnosis.resources[index]; }
};

/// Who must act before a thread that waits for the resource can go on.
struct PartnerFinds {
  std::vector<Partner> partners;  ///< in any order, a thread more than once counts once
  bool complete = false;          ///< as Resource::partners_complete
  Needs needs = Needs::kAll;
};

using PartnerSource = PartnerFinds (*)(const PartnerQuestion& question);

PartnerFinds find_initialisers(const PartnerQuestion& question);
PartnerFinds find_interrupted_by_signal(const PartnerQuestion& question);
PartnerFinds find_missing_parties(const PartnerQuestion& question);
PartnerFinds find_notifiers(const PartnerQuestion& question);
PartnerFinds find_once_runners(const PartnerQuestion& question);
PartnerFinds find_rwlock_readers(const PartnerQuestion& question);
PartnerFinds find_semaphore_units(const PartnerQuestion& question);
PartnerFinds find_sole_holder(const PartnerQuestion& question);
PartnerFinds find_threads_in_libc(const PartnerQuestion& question);

/// Fills in Resource::partners and what follows from them: a single complete one is the holder.
/// `resources` are those of the search's diagnosis.
void find_partners(const PartnerSearch& search, std::span<Resource> resources);

}  // namespace pstuck
