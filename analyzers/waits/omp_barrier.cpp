// The barriers of libgomp, GCC's OpenMP: the one at the end of a parallel region, and the dock
// where a team gathers before it begins. Threads count themselves out and sleep until the round is
// over (GCC: libgomp/config/linux/bar.h, the same from 4.8 on):
//
//     +0   total           how many make a round full
//     +4   generation      the futex; counts rounds in eights, below that are flags
//     +64  awaited         how many are still to come
//     +68  awaited_final   the same, at the end of a region
//
// Debian's libgomp has names for what compilers call only: all between the kernel and such a
// function must be libgomp's, since a region's own code runs below GOMP_parallel too.

#include <algorithm>

#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kAlignment = 8;
constexpr std::uint32_t kTaskPending = 1;  // no thread sleeps on that
constexpr std::uint32_t kMostParties = 1 << 20;

struct BarrierBytes {
  std::uint32_t total;
  std::uint32_t generation;
  std::byte apart[56];
  std::uint32_t awaited;
  std::uint32_t awaited_final;
};

constexpr std::uint64_t kGenerationOffset = offsetof(BarrierBytes, generation);
static_assert(offsetof(BarrierBytes, awaited) == 64);

bool waits_at_barrier(std::string_view function) {
  return starts_with_any(function,
                         {"GOMP_parallel", "GOMP_barrier", "GOMP_loop_end", "GOMP_sections_end",
                          "GOMP_single_copy_start", "gomp_barrier_wait", "gomp_team_barrier_wait"});
}

bool is_in_libgomp(const FutexSleeper& sleeper, const Frame& frame) {
  return sleeper.frames.location(frame).module.starts_with("libgomp.so") ||
         starts_with_any(sleeper.frames.name(frame), {"GOMP_", "gomp_"});
}

/// How it is known; none when it is not.
std::optional<RecognisedBy> sleeps_at_barrier(const FutexSleeper& sleeper) {
  const auto& frames = sleeper.stack.frames;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (is_in_libgomp(sleeper, frames[i])) {
      const std::string_view name = sleeper.frames.name(frames[i]);
      if (!waits_at_barrier(name)) continue;
      // Between two regions a thread of the pool is idle.
      const bool is_docked = name.starts_with("gomp_barrier_wait") && i + 1 < frames.size() &&
                             sleeper.frames.name(frames[i + 1]) == "gomp_thread_start";
      return is_docked ? std::nullopt : std::optional(RecognisedBy::kFunctionName);
    }
    // What was called may have ended with a jump to an inner function.
    const bool is_called =
        i > 0 && waits_at_barrier(sleeper.program.find_called_function(frames[i].pc));
    return is_called ? std::optional(RecognisedBy::kCallSite) : std::nullopt;
  }
  return std::nullopt;
}

bool agrees(const BarrierBytes& barrier, const FutexCall& call) {
  return (call.value & kTaskPending) == 0 && barrier.total > 0 && barrier.total <= kMostParties &&
         barrier.awaited <= barrier.total && barrier.awaited_final <= barrier.total;
}

}  // namespace

std::optional<RecognisedWait> recognise_omp_barrier(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  const bool fits = call.command == FutexCommand::kWait && !call.timed() &&
                    call.word.value % kAlignment == kGenerationOffset;
  const auto by = fits ? sleeps_at_barrier(sleeper) : std::nullopt;
  if (!by) return std::nullopt;
  const Address at = call.word - kGenerationOffset;
  const auto barrier = sleeper.locks.memory().read_object<BarrierBytes>(at);
  if (!barrier || !agrees(*barrier, call)) return std::nullopt;
  const bool ends_region = barrier->awaited_final < barrier->total;
  const std::uint32_t missing = ends_region ? barrier->awaited_final : barrier->awaited;
  RecognisedWait wait{.resource = {.address = at, .type = "OpenMP barrier"},
                      .kind = WaitKind::kArrivals,
                      .by = *by};
  wait.resource.parties = PartyCount{barrier->total - missing, barrier->total, missing};
  wait.resource.seen = sleeper.locks.read_seen(at, sizeof *barrier);
  if (missing == 0 || call.value != barrier->generation) {
    wait.owner.fate = OwnerFate::kInTransition;
  }
  return wait;
}

}  // namespace pstuck
