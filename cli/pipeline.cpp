#include "cli/pipeline.h"

#include <algorithm>
#include <iterator>
#include <thread>

#include "analyzers/confirm.h"
#include "analyzers/diagnose.h"
#include "cli/lock_file.h"
#include "cli/progress.h"
#include "cli/sampling.h"
#include "symbolize/symbolize.h"

namespace pstuck {
namespace {

// Between two looks of a confirmation: any length of time without a context switch is a proof. The
// analysis mostly gives every thread that was stopped the time to fall asleep again; where it did
// not, as on a busy machine, each gap is twice as long as the one before.
constexpr std::chrono::milliseconds kFirstGap{20};
constexpr int kMostGaps = 5;

void confirm_findings(Target& target, Report& report) {
  const ConfirmRequest request = find_what_to_confirm(report.snapshot, report.diagnosis);
  if (request.threads.empty()) return;
  auto first = target.look_again(request.threads, request.locks);
  if (!first) return;  // a core: nothing moves in it
  auto gap = kFirstGap;
  for (int i = 1;; ++i, gap *= 2) {
    std::this_thread::sleep_for(gap);
    auto second = target.look_again(request.threads, request.locks);
    const bool still = nothing_moved(report.snapshot, *first, *second, report.diagnosis);
    if (still || i == kMostGaps) {
      confirm(report.snapshot, *first, *second, report.diagnosis);
      return;
    }
    first = std::move(second);
  }
}

std::vector<OwnLockFunction> lock_functions_of(const std::vector<LockDescription>& locks) {
  std::vector<OwnLockFunction> functions;
  for (const LockDescription& lock : locks) {
    functions.insert(functions.end(), lock.functions.begin(), lock.functions.end());
  }
  return functions;
}

}  // namespace

Report look_at(const std::string& spec, const Options& options) {
  Progress progress;
  Report report;

  const LockFile files = read_lock_files(options.lock_files);

  const std::unique_ptr<Target> target = open_target(spec, {.executable = options.executable});

  report.snapshot = target->capture({.stack_bytes = options.stack_bytes,
                                     .freeze = options.freeze,
                                     .progress = progress.step("threads captured")});
  // From here on a live target is running again.

  SnapshotMemory memory(report.snapshot, target->memory());
  Symbolizer symbolizer(report.snapshot, memory,
                        {.max_frames = options.max_frames,
                         .lines = options.lines,
                         .lock_functions = lock_functions_of(files.locks),
                         .progress = progress.step("stacks unwound")});
  report.stacks = symbolizer.symbolize();

  report.diagnosis = diagnose(report.snapshot, report.stacks, {memory, symbolizer, *target},
                              {.scan_memory = options.scan_memory,
                               .max_memory = options.max_memory,
                               .locks = files.locks,
                               .rules = files.rules,
                               .progress = progress.step("MiB searched for held locks")});
  confirm_findings(*target, report);

  // What a thread does that runs while others wait for it takes several looks to tell.
  take_samples(*target, memory, symbolizer, options, report);

  std::ranges::move(symbolizer.blind_spots(), std::back_inserter(report.snapshot.blind_spots));
  std::ranges::copy(report.diagnosis.blind_spots, std::back_inserter(report.snapshot.blind_spots));
  return report;
}

}  // namespace pstuck
