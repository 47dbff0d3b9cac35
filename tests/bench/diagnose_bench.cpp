#include <benchmark/benchmark.h>

#include <string>

#include "analyzers/diagnose.h"
#include "tests/support/snapshot_builder.h"

namespace {

using pstuck::testing::FakeProgram;
using pstuck::testing::SnapshotBuilder;

constexpr std::int32_t kThreadsPerLock = 50;

/// Rings of 50 threads, each with its own mutex that the one before it wants, and behind the first
/// mutex of each ring fifty more.
void fill(SnapshotBuilder& target, std::int32_t threads) {
  for (std::int32_t tid = 1; tid <= threads; ++tid) {
    const std::int32_t ring = (tid - 1) / (2 * kThreadsPerLock) * (2 * kThreadsPerLock);
    const std::int32_t seat = (tid - 1) % (2 * kThreadsPerLock);
    const bool in_ring = seat < kThreadsPerLock;
    const std::int32_t owner = ring + 1 + (in_ring ? (seat + 1) % kThreadsPerLock : 0);
    const std::string wanted = std::to_string(owner);
    target.mutex(wanted).owned_by(owner);
    target.thread(tid).waits_for(wanted);
  }
}

pstuck::Stacks make_stacks(std::size_t threads) {
  pstuck::Stacks stacks;
  const char* const functions[] = {"__lll_lock_wait", "pthread_mutex_lock",
                                   "Cache::get",      "Router::dispatch",
                                   "serve",           "worker_main"};
  pstuck::Stack stack;
  for (const char* function : functions) {
    pstuck::Location location;
    location.function = function;
    location.symbol = function;
    location.module = stacks.locations.size() < 2 ? "libc.so.6" : "server";
    pstuck::Frame frame;
    frame.location = stacks.locations.size();
    stack.frames.push_back(frame);
    stacks.locations.push_back(location);
  }
  stacks.stacks.assign(threads, stack);
  return stacks;
}

void diagnose_threads(benchmark::State& state) {
  const auto threads = static_cast<std::int32_t>(state.range(0));
  SnapshotBuilder target;
  fill(target, threads);
  target.diagnose();
  const pstuck::Stacks stacks = make_stacks(target.snapshot().threads.size());
  FakeProgram program;
  for ([[maybe_unused]] const auto& step : state) {
    benchmark::DoNotOptimize(
        pstuck::diagnose(target.snapshot(), stacks, {target.memory(), program, target.tasks()}));
  }
  state.SetItemsProcessed(state.iterations() * threads);
}
BENCHMARK(diagnose_threads)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);

}  // namespace
