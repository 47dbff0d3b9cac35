// pthread_join of musl (src/thread/pthread_join.c) sleeps on a field of the joined thread's own
// descriptor (src/internal/pthread_impl.h):
//
//     pthread_t ──▶ +0   self           points to itself
//                   +48  tid            0 when it has ended
//                   +56  detach_state   the futex word; 2 joinable, 1 ending, 0 ended
//
// The layout alone tells it, names are not needed.

#include "analyzers/waits/musl/musl_waits.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kStateOffset = 56;
constexpr std::uint32_t kJoinable = 2;

struct Descriptor {
  Address self;
  std::uint64_t unused[5];
  std::uint32_t tid;
  std::uint32_t error;
  std::uint32_t state;
};

}  // namespace

std::optional<RecognisedWait> recognise_musl_join(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  if (sleeper.frames.libc() != LibcKind::kMusl || !is_musl_wait(call, true)) return std::nullopt;
  if (call.value == 0 || call.value > kJoinable) return std::nullopt;
  const Address joined = call.word - kStateOffset;
  const auto thread = sleeper.locks.memory().read_object<Descriptor>(joined);
  if (!thread || thread->self != joined || thread->state > kJoinable) return std::nullopt;
  const Tid id{static_cast<std::int32_t>(thread->tid)};
  const bool lives = thread->state == call.value && thread->tid != 0 && thread->tid <= kLastTid;
  return RecognisedWait{
      .resource = {.address = joined},
      .kind = WaitKind::kJoin,
      .owner = {lives ? OwnerFate::kThread : OwnerFate::kInTransition,
                thread->tid != 0 && thread->tid <= kLastTid ? std::optional(id) : std::nullopt}};
}

}  // namespace pstuck
