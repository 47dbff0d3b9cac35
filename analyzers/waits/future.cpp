// std::future::get, wait, wait_for of libstdc++. The state that a future shares with its promise,
// packaged_task or std::async has a virtual table, and waiters sleep on its status (GCC 5 to 14,
// include/std/future, include/bits/atomic_futex.h):
//
//     state ──▶ +0   virtual table         _State_baseV2, _Task_state, _Async_state_impl …
//               +8   _M_result
//               +16  _M_status             0 not ready, 1 ready, 0x80000000 somebody sleeps
//               +20  _M_retrieved, _M_once
//               +32  _M_thread             of std::async's states only: a pthread_t
//
//     futex(state + 16, FUTEX_WAIT, 0x80000000)     timed: FUTEX_WAIT_BITSET; never private
//
// So only std::async records who makes the result. Where no name is left the run-time type
// information of the object at `state` must say that it is such a state.

#include "analyzers/waits/recogniser.h"
#include "analyzers/waits/runtime_functions.h"
#include "analyzers/waits/thread_descriptor.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kStatusOffset = 16;
constexpr std::uint32_t kWaiters = 0x80000000;
constexpr std::uint32_t kReady = 1;

struct StateBytes {
  Address virtual_table;
  std::uint64_t result;
  std::uint32_t status;
  std::uint32_t flags;
};

static_assert(sizeof(StateBytes) == 24);

constexpr std::uint64_t kThreadOffset = 32;

bool can_be_a_future(const FutexCall& call) {
  const bool plain = call.command == FutexCommand::kWait && !call.timed();
  const bool timed = call.command == FutexCommand::kWaitBitset && call.timed();
  return (plain || timed) && !call.process_private && call.value == kWaiters &&
         call.word.value % alignof(StateBytes) == 0 &&
         call.instruction != CallInstruction::kNamesCall;
}

RecordedOwner find_maker(const FutexSleeper& sleeper, Address state, std::string_view type) {
  if (!type.starts_with("std::__future_base::_Async_state_impl<")) return {};
  Memory& memory = sleeper.locks.memory();
  const auto thread = memory.read_object<Address>(state + kThreadOffset);
  const auto self = thread ? memory.read_object<Address>(*thread) : std::nullopt;
  if (!self || *self != *thread) return {};
  const bool is_musl = sleeper.frames.libc() == LibcKind::kMusl;
  const auto tid = memory.read_object<std::int32_t>(
      *thread + (is_musl ? kMuslDescriptorTidOffset : kDescriptorTidOffset));
  if (!tid || !sleeper.ids.find(Tid{*tid})) return {};
  return {OwnerFate::kThread, Tid{*tid}};
}

}  // namespace

std::optional<RecognisedWait> recognise_future(const FutexSleeper& sleeper) {
  if (!can_be_a_future(sleeper.call)) return std::nullopt;
  const Address address = sleeper.call.word - kStatusOffset;
  const auto state = sleeper.locks.memory().read_object<StateBytes>(address);
  if (!state || (state->status & ~kWaiters) > kReady) return std::nullopt;
  const std::string type = sleeper.program.find_virtual_class(address).value_or("");
  const bool typed = type.starts_with("std::__future_base::");
  const bool named = is_in(runtime_functions(sleeper), "_M_futex_wait_until");
  if (!named && !(typed && is_a_bare_syscall(sleeper))) return std::nullopt;

  RecognisedWait wait{.resource = {.address = address, .seen = bytes_seen(*state)},
                      .kind = WaitKind::kResult,
                      .by = named ? RecognisedBy::kFunctionName : RecognisedBy::kRegisters};
  if (state->status != kWaiters) {
    wait.owner.fate = OwnerFate::kInTransition;
  } else {
    wait.owner = find_maker(sleeper, address, type);
  }
  return wait;
}

}  // namespace pstuck
