#include "analyzers/diagnose.h"

#include <algorithm>

#include "analyzers/acquisitions.h"
#include "analyzers/collect_waits.h"
#include "analyzers/conclusions.h"
#include "analyzers/cycles.h"
#include "analyzers/findings.h"
#include "analyzers/held_locks.h"
#include "analyzers/holders/source.h"
#include "analyzers/inherited_semaphores.h"
#include "analyzers/kernel_waits.h"
#include "analyzers/lock_names.h"
#include "analyzers/other_threads.h"
#include "analyzers/owners.h"
#include "analyzers/pileups.h"
#include "analyzers/root_blockers.h"
#include "analyzers/root_ranking.h"
#include "analyzers/thread_status.h"
#include "analyzers/wait_graph.h"
#include "analyzers/witnessed_locks.h"

namespace pstuck {

Diagnosis diagnose(const Snapshot& snapshot, const Stacks& stacks, const Sources& sources,
                   const DiagnoseOptions& options) {
  // Tell the program's own frames from those of its runtime.
  const ProgramFrames frames(snapshot, stacks, find_libc(snapshot, sources.memory));
  const ThreadIds ids(snapshot);

  // Say what every thread does, as far as its system call tells.
  Diagnosis diagnosis;
  diagnosis.threads = describe_threads(snapshot, stacks, frames, sources.memory);

  // Say what the calls are about that threads sleep in.
  diagnosis.kernel_waits = find_kernel_waits(snapshot, sources.memory, diagnosis.threads);

  // Recognise what the threads in futex calls wait for, and read whom the locks name as owner.
  CollectedWaits collected = collect_waits(snapshot, stacks, frames, ids, sources, options.locks);
  diagnosis.waits = std::move(collected.waits);
  diagnosis.resources = std::move(collected.resources);
  attach_waits(diagnosis.waits, diagnosis.threads);

  // Tell threads that are parked for work, and those whose wait only their program understands.
  apply_rules(options.rules, snapshot, stacks, frames, diagnosis);

  // Find the tasks behind the recorded ids.
  find_holders(snapshot, ids, sources.tasks, diagnosis.waits, collected.owners,
               diagnosis.resources);

  // Find which semaphores came with a fork.
  compare_with_parent(snapshot, sources, diagnosis.resources);

  // Find what else the threads hold, the frames that took it, and the names of the locks.
  find_held_locks(snapshot, stacks, ids, sources, options, diagnosis);
  std::vector<Address> locks;
  for (const Resource& resource : diagnosis.resources) {
    if (resource.kind != ResourceKind::kThread) locks.push_back(resource.address);
    if (resource.condition_mutex) locks.push_back(resource.condition_mutex->address);
  }
  std::ranges::sort(locks);
  locks.erase(std::unique(locks.begin(), locks.end()), locks.end());
  const auto variables = sources.program.find_variables(stacks, locks);
  attribute_frames(stacks, frames, sources.program, variables, diagnosis);
  drop_doubted_locks(diagnosis);
  name_locks(stacks, sources.program, variables, diagnosis.resources);

  // Where no owner is recorded, find the threads whose frames show that they must act.
  find_partners({snapshot, stacks, frames, sources, variables, diagnosis}, diagnosis.resources);
  hold_by_witness(diagnosis);

  // From here on nothing is asked of the target: the rest follows from what is in the diagnosis.
  draw_conclusions(snapshot, diagnosis);
  return diagnosis;
}

void draw_conclusions(const Snapshot& snapshot, Diagnosis& diagnosis) {
  // Find the threads that wait for each other.
  const WaitGraph graph(diagnosis);
  diagnosis.cycles = find_cycles(graph, diagnosis);
  for (ResourceIndex i = 0; i < diagnosis.resources.size(); ++i) {
    diagnosis.resources[i].blocker = graph.find_blocker(i);
  }

  // Gather the other waits by what they are for. From here on no chain of waits outside the cycles
  // comes back to itself.
  diagnosis.pile_ups = find_pile_ups(diagnosis);

  // Follow the pile-ups to what must move first, and put the worst one first.
  find_root_blockers(diagnosis, diagnosis.pile_ups);
  sort_pile_ups(diagnosis.pile_ups);
  diagnosis.root_blockers = rank_root_blockers(diagnosis);

  // Say what is wrong, and who is left.
  diagnosis.findings = find_findings(snapshot, diagnosis);
  diagnosis.others = group_other_threads(diagnosis);
}

}  // namespace pstuck
