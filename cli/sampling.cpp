#include "cli/sampling.h"

#include <algorithm>
#include <thread>

#include "analyzers/progress.h"

namespace pstuck {
namespace {

constexpr std::size_t kSamplesByDefault = 2;

std::vector<Tid> tids_of(const Snapshot& snapshot, const std::vector<ThreadIndex>& threads) {
  std::vector<Tid> tids;
  for (const ThreadIndex thread : threads) tids.push_back(snapshot.threads[thread].tid);
  return tids;
}

std::optional<SampledLook> take_look(Target& target, SnapshotMemory& memory, Symbols& symbols,
                                     const SampleRequest& request, Report& report) {
  auto sample = target.sample(report.snapshot, request);
  if (!sample) return {};
  report.snapshot.longest_stop = std::max(report.snapshot.longest_stop, sample->longest_stop);
  const std::span captured = std::span(sample->threads).first(request.captured.size());
  memory.show_stacks_of(captured);
  SampledLook look{.stacks = symbols.symbolize(captured)};
  memory.show_stacks_of({});
  for (ThreadSnapshot& thread : sample->threads) thread.stack = {};
  look.sample = std::move(*sample);
  return look;
}

}  // namespace

void take_samples(Target& target, SnapshotMemory& memory, Symbols& symbols, const Options& options,
                  Report& report) {
  if (report.snapshot.kind == TargetKind::kCore) return;  // nothing moves in it
  const Sampled sampled = options.samples ? find_all_to_sample(report.diagnosis)
                                          : find_held_up_by_running(report.diagnosis);
  if (!options.samples && sampled.captured.empty()) return;
  const std::size_t samples = options.samples.value_or(kSamplesByDefault);
  if (samples < 2) return;

  // The capture's stops count as having run: the first look is at the counters alone.
  const std::vector<Tid> captured = tids_of(report.snapshot, sampled.captured);
  const std::vector<Tid> watched = tids_of(report.snapshot, sampled.watched);
  SampleRequest request{.watched = captured, .stack_bytes = options.stack_bytes};
  request.watched.insert(request.watched.end(), watched.begin(), watched.end());
  std::vector<SampledLook> looks;
  for (std::size_t i = 0; i < samples; ++i) {
    if (i > 0 && report.snapshot.is_running()) std::this_thread::sleep_for(options.interval);
    auto look = take_look(target, memory, symbols, request, report);
    if (!look) return;
    looks.push_back(std::move(*look));
    request = {.captured = captured, .watched = watched, .stack_bytes = options.stack_bytes};
  }
  report.diagnosis.samples =
      compare_samples(report.snapshot, report.stacks, report.diagnosis, sampled, looks);
}

}  // namespace pstuck
