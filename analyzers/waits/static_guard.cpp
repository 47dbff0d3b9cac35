// A function-local static variable that another thread is initialising, or this one further out.
// The compiler puts a guard of eight bytes before it, and __cxa_guard_acquire sleeps on its first
// four. libstdc++ (GCC 4.4 to 14, libsupc++/guard.cc, the same on every Linux with a futex):
//
//     guard ──▶ +0  0x00000001  done
//                   0x00000100  some thread is in the initialiser
//                   0x00010100  … and others sleep: the futex, and the value that they expect
//               +4  0
//
//     futex(guard, FUTEX_WAIT, 0x10100, no timeout)       through syscall(), not private
//
// It does not record who initialises. A thread that comes to its own initialiser again is not told
// so once the process has had a second thread, and sleeps here for ever.
//
// libc++abi (LLVM 14, src/cxa_guard_impl.h) sleeps on one condition variable for all guards, so the
// futex says nothing. Its guard is two bytes, and does record the thread:
//
//     guard ──▶ +0  1 done     +1  1 done, 2 somebody initialises, 4 others sleep     +4  tid
//
// The address of the guard is among the registers that __cxa_guard_acquire keeps over its calls.

#include <algorithm>

#include "analyzers/waits/recogniser.h"
#include "analyzers/waits/runtime_functions.h"
#include "attach/mappings.h"

namespace pstuck {
namespace {

constexpr std::string_view kAcquire = "__cxa_guard_acquire";
constexpr std::uint32_t kDone = 1;
constexpr std::uint32_t kPendingWithWaiters = 0x10100;
constexpr std::uint64_t kGuardBytes = 8;

struct LlvmGuard {
  std::uint8_t done;
  std::uint8_t state;
  std::uint16_t unused;
  std::uint32_t initialiser;
};

constexpr std::uint8_t kLlvmPendingWithWaiters = 6;

static_assert(sizeof(LlvmGuard) == kGuardBytes);

// In a program without symbols: a variable of some module, where guards stand.
bool lies_in_module_data(const Snapshot& snapshot, Address at) {
  const Mapping* mapping = find_mapping(snapshot, at);
  if (mapping == nullptr || !mapping->writable || mapping->shared) return false;
  const auto holds_or_precedes = [&](const Module& module) {
    return mapping->start >= module.start && mapping->start <= module.end;
  };
  return std::ranges::any_of(snapshot.modules, holds_or_precedes);
}

std::optional<RecognisedWait> recognise_libstdcxx_guard(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  if (call.command != FutexCommand::kWait || call.timed() || call.value != kPendingWithWaiters ||
      call.word.value % kGuardBytes != 0 || call.instruction == CallInstruction::kNamesCall) {
    return std::nullopt;
  }
  const auto guard = sleeper.locks.memory().read_object<std::uint64_t>(call.word);
  const bool named = is_in(runtime_functions(sleeper), kAcquire);
  if (!guard) return std::nullopt;
  const bool pending = *guard == kPendingWithWaiters;
  // Done, or left by an exception: the waiter is about to wake up.
  if (!pending && (*guard > kDone || !named)) return std::nullopt;
  if (!named && (!is_a_bare_syscall(sleeper) || call.process_private ||
                 !lies_in_module_data(sleeper.snapshot, call.word))) {
    return std::nullopt;
  }
  RecognisedWait wait{.resource = {.address = call.word, .seen = bytes_seen(*guard)},
                      .kind = WaitKind::kInitialisation,
                      .by = named ? RecognisedBy::kFunctionName : RecognisedBy::kRegisters};
  wait.owner.fate = pending ? OwnerFate::kNotRecorded : OwnerFate::kInTransition;
  return wait;
}

// A condition variable of libc++abi's own, so the guard is in none of the call's arguments.
std::optional<std::size_t> find_acquire_frame(const FutexSleeper& sleeper) {
  const auto& frames = sleeper.stack.frames;
  const auto found = std::ranges::find_if(frames, [&](const Frame& frame) {
    return sleeper.frames.location(frame).function == kAcquire;
  });
  const bool called = found != frames.begin() && found != frames.end();
  if (!called || !sleeper.names.under_condition) return std::nullopt;
  const bool only_libc = std::all_of(frames.begin(), found, [&](const Frame& frame) {
    return sleeper.frames.owner(frame) == FrameOwner::kLibc;
  });
  return only_libc ? std::optional(static_cast<std::size_t>(found - frames.begin())) : std::nullopt;
}

std::optional<RecognisedWait> recognise_libcxxabi_guard(const FutexSleeper& sleeper) {
  const auto frame = find_acquire_frame(sleeper);
  if (!frame) return std::nullopt;
  std::optional<RecognisedWait> found;
  for (const auto& value : sleeper.stack.frames[*frame].callee_saved) {
    const Address at{value.value_or(0)};
    if (at.value == 0 || at.value % kGuardBytes != 0) continue;
    const auto word = sleeper.locks.memory().read_object<std::uint64_t>(at);
    if (!word || (found && found->resource.address == at)) continue;
    const auto guard = std::bit_cast<LlvmGuard>(*word);
    const Tid initialiser{static_cast<std::int32_t>(guard.initialiser)};
    if (guard.done != 0 || guard.state != kLlvmPendingWithWaiters || guard.unused != 0) continue;
    if (!sleeper.ids.find(initialiser)) continue;
    if (found) return std::nullopt;
    found = RecognisedWait{.resource = {.address = at, .seen = bytes_seen(*word)},
                           .kind = WaitKind::kInitialisation,
                           .by = RecognisedBy::kFunctionName,
                           .owner = {OwnerFate::kThread, initialiser}};
  }
  return found;
}

}  // namespace

std::optional<RecognisedWait> recognise_static_guard(const FutexSleeper& sleeper) {
  if (auto wait = recognise_libstdcxx_guard(sleeper)) return wait;
  return recognise_libcxxabi_guard(sleeper);
}

}  // namespace pstuck
