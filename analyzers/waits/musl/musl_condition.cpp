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
// node that was signalled is in no variable's list any more. The node is in the frame of the
// waiting function itself; the frame around that one has called it, and passed the variable and the
// mutex. A shared variable is slept on itself: its futex is the counter at +8, and not private.

#include <algorithm>
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
std::unordered_set<std::uint64_t> read_waiters(const Condition& condition,
                                               const FutexSleeper& sleeper) {
  std::unordered_set<std::uint64_t> nodes;
  Address previous;
  Address at = condition.head;
  while (at.value != 0 && nodes.size() <= sleeper.snapshot.threads.size()) {
    if (!sleeper.locks.may_guess(1)) return {};
    const auto link = sleeper.locks.memory().read_object<Node>(at);
    if (!link || link->previous != previous) return {};
    nodes.insert(at.value);
    previous = std::exchange(at, link->next);
  }
  if (at.value != 0 || previous != condition.tail) return {};
  return nodes;
}

bool holds(Address at, const Condition& condition, Address node, const FutexSleeper& sleeper) {
  const auto [entry, is_new] = sleeper.locks.musl().waiters.try_emplace(at.value);
  if (is_new) entry->second = read_waiters(condition, sleeper);
  return entry->second.contains(node.value);
}

/// The frame that called the function that has the node; libc's own stand for the one around them.
std::optional<std::size_t> find_caller(const FutexSleeper& sleeper, Address node) {
  const auto& frames = sleeper.stack.frames;
  const auto caller = std::ranges::find_if(frames, [&](const Frame& frame) {
    return frame.sp && *frame.sp > node && !sleeper.frames.location(frame).inlined &&
           sleeper.frames.owner(frame) != FrameOwner::kLibc;
  });
  if (caller == frames.end()) return std::nullopt;
  return static_cast<std::size_t>(caller - frames.begin());
}

std::optional<ConditionMutex> find_mutex(const FutexSleeper& sleeper, Address node,
                                         Address condition) {
  const auto caller = find_caller(sleeper, node);
  if (!caller) return std::nullopt;
  const auto argument = [&](std::size_t number) {
    return sleeper.program.find_argument(sleeper.stacks, sleeper.index, *caller, number);
  };
  if (argument(1) != condition.value) return std::nullopt;
  const Address mutex{argument(2).value_or(0)};
  if (!can_be_musl_mutex(sleeper, mutex)) return std::nullopt;
  return ConditionMutex{.address = mutex};
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
    if (!holds(word, *condition, at, sleeper)) continue;
    if (found) return std::nullopt;
    found = RecognisedWait{.resource = {.address = word, .seen = bytes_seen(*condition)},
                           .kind = WaitKind::kNotification,
                           .by = recognised_in_musl(sleeper, primitive)};
  }
  if (found) found->resource.condition_mutex = find_mutex(sleeper, at, found->resource.address);
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
