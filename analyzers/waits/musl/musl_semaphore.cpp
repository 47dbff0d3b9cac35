// A semaphore of musl (src/thread/sem_timedwait.c, sem_init.c):
//
//     sem ──▶ +0  value     the futex word: units; below zero: none, and somebody waits. What
//     waiters
//                           expect is -1 up to musl 1.2.3, 0x80000000 later
//             +4  waiters
//             +8  128 for a private one, else 0
//
// It records nobody.

#include "analyzers/waits/musl/musl_waits.h"

namespace pstuck {
namespace {

constexpr std::uint32_t kWaiters = 0x80000000;
constexpr std::uint32_t kOldValue = 0xffffffff;
constexpr std::uint32_t kPrivate = 128;

struct MuslSemaphore {
  std::uint32_t value;
  std::uint32_t waiters;
  std::uint32_t is_private;
};

}  // namespace

std::optional<RecognisedWait> recognise_musl_semaphore(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  const MuslPrimitive primitive = find_musl_primitive(sleeper);
  const bool named = primitive == MuslPrimitive::kSemaphore;
  if (!named && primitive != MuslPrimitive::kUnnamed) return std::nullopt;
  if (call.value != kWaiters && call.value != kOldValue) return std::nullopt;
  const auto semaphore = sleeper.locks.memory().read_object<MuslSemaphore>(call.word);
  if (!semaphore || semaphore->waiters > sleeper.snapshot.threads.size()) return std::nullopt;
  const bool is_private = semaphore->is_private == kPrivate;
  if (!is_private && semaphore->is_private != 0) return std::nullopt;
  if (!is_musl_wait(call, is_private)) return std::nullopt;
  const bool empty = (semaphore->value & kWaiters) != 0 || semaphore->value == 0;
  // Not private: a shared rwlock that a writer has looks the same but for its last word.
  const bool sure = is_private && semaphore->waiters != 0 && semaphore->value == call.value;
  if (!named && !sure) return std::nullopt;
  RecognisedWait wait{.resource = {.address = call.word,
                                   .value = empty ? 0 : semaphore->value,
                                   .process_shared = !is_private,
                                   .seen = bytes_seen(*semaphore, sizeof semaphore->value)},
                      .kind = WaitKind::kUnit,
                      .by = recognised_in_musl(sleeper, primitive)};
  if (!empty) wait.owner.fate = OwnerFate::kInTransition;
  return wait;
}

}  // namespace pstuck
