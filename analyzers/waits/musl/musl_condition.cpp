// A condition variable of musl (src/thread/pthread_cond_timedwait.c). Each waiter sleeps on a node
// of its own, on its stack, that is in the variable's list:
//
//     condition ──▶ +0   shared      null for a private one
//                   +8   head ──▶ newest node ──next──▶ … ──▶ oldest node ◀── tail   +40
//                   +32  lock
//
//     node ──▶ +0  prev   +8  next   +16  state, 0 waiting   +20  barrier, 2: the futex word
//
// So the variable is the one address in the waiting function's frames whose list holds the node. A
// node that was signalled is in no variable's list any more. A shared variable is slept on itself:
// its futex is the counter at +8, and not private.

#include <utility>

#include "analyzers/waits/frame_words.h"
#include "analyzers/waits/musl/musl_waits.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kBarrierOffset = 20;
constexpr std::uint64_t kSequenceOffset = 8;
constexpr std::uint32_t kLocked = 2;

struct Node {
  Address previous;
  Address next;
  std::uint32_t state;
  std::uint32_t barrier;
};

struct Condition {
  Address shared;
  Address head;
  std::uint32_t clock;
  std::uint32_t unused[3];
  std::uint32_t lock;
  std::uint32_t more_unused;
  Address tail;
};

static_assert(sizeof(Condition) == 48);

// The whole list must be one, from head to tail: a node in it looks like a shorter list's head.
bool holds(const Condition& condition, Address node, const FutexSleeper& sleeper) {
  bool found = false;
  Address previous;
  Address at = condition.head;
  for (std::size_t i = 0; i <= sleeper.snapshot.threads.size() && at.value != 0; ++i) {
    const auto link = sleeper.locks.memory().read_object<Node>(at);
    if (!link || link->previous != previous) return false;
    found = found || at == node;
    previous = std::exchange(at, link->next);
  }
  return found && at.value == 0 && previous == condition.tail;
}

std::optional<RecognisedWait> find_by_node(const FutexSleeper& sleeper, MuslPrimitive primitive) {
  const FutexCall& call = sleeper.call;
  const Address at = call.word - kBarrierOffset;
  const auto node = at.value % 8 == 0 ? sleeper.locks.memory().read_object<Node>(at) : std::nullopt;
  if (!node || node->barrier != kLocked || node->state != 0 || call.value != kLocked ||
      !is_musl_wait(call, true)) {
    return std::nullopt;
  }
  std::optional<RecognisedWait> found;
  for (const Address word : words_of_waiting_functions(sleeper)) {
    if (word.value == 0 || word.value % 8 != 0) continue;
    const auto condition = sleeper.locks.memory().read_object<Condition>(word);
    if (!condition || condition->shared.value != 0 || condition->tail.value == 0) continue;
    if (!holds(*condition, at, sleeper)) continue;
    if (found) return std::nullopt;
    found = RecognisedWait{.resource = {.address = word, .seen = bytes_seen(*condition)},
                           .kind = WaitKind::kNotification,
                           .by = recognised_in_musl(sleeper, primitive)};
  }
  return found;
}

std::optional<RecognisedWait> find_shared(const FutexSleeper& sleeper) {
  const Address at = sleeper.call.word - kSequenceOffset;
  if (at.value % 8 != 0 || !is_musl_wait(sleeper.call, false)) return std::nullopt;
  const auto condition = sleeper.locks.memory().read_object<Condition>(at);
  if (!condition || condition->shared.value == 0) return std::nullopt;
  return RecognisedWait{
      .resource = {.address = at, .process_shared = true, .seen = bytes_seen(*condition)},
      .kind = WaitKind::kNotification,
      .by = recognised_in_musl(sleeper, MuslPrimitive::kCondition)};
}

}  // namespace

std::optional<RecognisedWait> recognise_musl_condition(const FutexSleeper& sleeper) {
  const MuslPrimitive primitive = find_musl_primitive(sleeper);
  const bool named = primitive == MuslPrimitive::kCondition;
  if (!named && primitive != MuslPrimitive::kUnnamed) return std::nullopt;
  if (auto wait = find_by_node(sleeper, primitive)) return wait;
  return named ? find_shared(sleeper) : std::nullopt;
}

}  // namespace pstuck
