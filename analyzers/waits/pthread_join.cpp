// pthread_join waits until the kernel clears the tid in the joined thread's own descriptor, struct
// pthread (nptl/descr.h; the offsets are the same on x86-64 from glibc 2.17 to 2.42):
//
//     pthread_t ──▶ +0    header.tcb   points to itself
//                   +16   header.self  points to itself
//                   +720  tid          the futex word; the expected value is the tid
//
// On AArch64 it is at 208, and nothing points to itself: there a name must speak for the wait.
//
// The kernel's wake-up at exit is not private, so neither is the wait. The waiter's own descriptor
// has a cleanup handler meanwhile, whose argument is the joined thread's joinid field.

#include "analyzers/waits/recogniser.h"
#include "analyzers/waits/thread_descriptor.h"

namespace pstuck {
namespace {

constexpr std::array<std::uint64_t, 2> kJoinIdOffsets = {1568, 1576};  // 2.36–2.41; the others

bool cleanup_chain_names(const FutexSleeper& sleeper, Address joined) {
  const auto& chain = sleeper.locks.read_cleanup(sleeper.thread);
  return !chain.empty() && (chain.front().argument == joined + kJoinIdOffsets[0] ||
                            chain.front().argument == joined + kJoinIdOffsets[1]);
}

bool names_join(const FutexSleeper& sleeper) {
  constexpr std::array<std::string_view, 5> kNames = {"pthread_join", "pthread_timedjoin_np",
                                                      "pthread_clockjoin_np",
                                                      "pthread_clockjoin_ex", "thrd_join"};
  return std::ranges::any_of(sleeper.names.libc_functions, [&](std::string_view name) {
    return std::ranges::find(kNames, name) != kNames.end();
  });
}

/// None where the futex word is not the id in a descriptor.
std::optional<Address> find_joined(const FutexSleeper& sleeper) {
  if (sleeper.thread.registers.machine == Machine::kAArch64) {
    if (!names_join(sleeper)) return std::nullopt;
    return sleeper.call.word - kAArch64DescriptorTidOffset;
  }
  const Address joined = sleeper.call.word - kDescriptorTidOffset;
  if (!is_thread_descriptor(joined, sleeper.locks.memory())) return std::nullopt;
  return joined;
}

}  // namespace

std::optional<RecognisedWait> recognise_pthread_join(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  if (call.command != FutexCommand::kWait && call.command != FutexCommand::kWaitBitset) {
    return std::nullopt;
  }
  if (sleeper.frames.libc() == LibcKind::kMusl || call.value == 0 || call.value > kLastTid) {
    return std::nullopt;
  }
  const auto joined = find_joined(sleeper);
  const auto word = sleeper.locks.memory().read_object<std::uint32_t>(call.word);
  const Tid id{static_cast<std::int32_t>(call.value)};
  if (!word || !joined) return std::nullopt;
  if (*word != call.value && !sleeper.ids.find(id)) return std::nullopt;
  RecognisedWait wait{.resource = {.address = *joined}, .kind = WaitKind::kJoin};
  if (cleanup_chain_names(sleeper, *joined)) wait.by = RecognisedBy::kCleanupChain;
  const bool ended = *word != call.value;  // the waiter is about to wake up
  wait.owner =
      ended ? RecordedOwner{OwnerFate::kInTransition, id} : RecordedOwner{OwnerFate::kThread, id};
  return wait;
}

}  // namespace pstuck
