#include "cli/looked.h"

#include <algorithm>
#include <iterator>

#include "analyzers/confirm.h"
#include "cli/sampling.h"
#include "cli/settle.h"
#include "symbolize/no_program.h"
#include "symbolize/symbolize.h"

namespace pstuck {
namespace {

void confirm_findings(Target& target, Report& report) {
  const ConfirmRequest request = find_what_to_confirm(report.snapshot, report.diagnosis);
  if (request.threads.empty()) return;
  auto first = target.look_again(request.threads, request.locks);
  if (!first) return;  // a core: nothing moves in it
  wait_until_settled([&](bool is_last) {
    auto second = target.look_again(request.threads, request.locks);
    const bool still = nothing_moved(report.snapshot, *first, *second, report.diagnosis);
    if (still || is_last) confirm(report.snapshot, *first, *second, report.diagnosis);
    first = std::move(second);
    return still;
  });
}

std::vector<OwnLockFunction> lock_functions_of(const std::vector<LockDescription>& locks) {
  std::vector<OwnLockFunction> functions;
  for (const LockDescription& lock : locks) {
    functions.insert(functions.end(), lock.functions.begin(), lock.functions.end());
  }
  return functions;
}

}  // namespace

Looked look_closely(const std::string& spec, const Options& options, const LockFile& files,
                    OpenDescriptors& descriptors, Progress& progress) {
  Looked looked{.target = open_target(spec, {.executable = options.executable})};
  Target& target = *looked.target;
  Report& report = looked.report;

  report.snapshot = target.capture({.stack_bytes = options.stack_bytes,
                                    .stop = options.stop,
                                    .freeze = options.freeze,
                                    .descriptors = &descriptors,
                                    .progress = progress.step("threads captured")});
  // From here on a live target is running again.

  SnapshotMemory memory(report.snapshot, target.memory());
  Symbolizer symbolizer(report.snapshot, memory,
                        {.max_frames = options.max_frames,
                         .lines = options.lines,
                         .lock_functions = lock_functions_of(files.locks),
                         .progress = progress.step("stacks unwound")});
  report.stacks = symbolizer.symbolize();

  report.diagnosis = diagnose(report.snapshot, report.stacks, {memory, symbolizer, target},
                              {.scan_memory = options.scan_memory,
                               .max_memory = options.max_memory,
                               .locks = files.locks,
                               .rules = files.rules,
                               .progress = progress.step("MiB searched for held locks")});
  confirm_findings(target, report);

  // What a thread does that runs while others wait for it takes several looks to tell.
  if (options.stop) take_samples(target, memory, symbolizer, options, report);

  std::ranges::move(symbolizer.blind_spots(), std::back_inserter(report.snapshot.blind_spots));
  std::ranges::copy(report.diagnosis.blind_spots, std::back_inserter(report.snapshot.blind_spots));
  return looked;
}

Report look_from_outside(Target& target, OpenDescriptors& descriptors) {
  Report report{.snapshot =
                    target.capture({.stack_bytes = 0, .stop = false, .descriptors = &descriptors})};
  report.stacks.stacks.resize(report.snapshot.threads.size());
  SnapshotMemory memory(report.snapshot, target.memory());
  NoProgram program;
  report.diagnosis = diagnose(report.snapshot, report.stacks, {memory, program, target},
                              {.scan_memory = ScanMemory::kNo});
  return report;
}

Looked look_from_outside(Tid process, OpenDescriptors& descriptors) {
  Looked looked{.target = open_target(std::to_string(process.value), {}), .from_outside = true};
  looked.report = look_from_outside(*looked.target, descriptors);
  return looked;
}

}  // namespace pstuck
