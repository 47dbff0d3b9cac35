// How std::atomic::wait and what is built on it sleep (libstdc++ 11 to 14, bits/atomic_wait.h,
// bits/atomic_timed_wait.h). An object of the size of an int is the futex word itself:
//
//     std::atomic<int>, std::counting_semaphore, std::latch
//         futex(object, FUTEX_WAIT, value)              through syscall(), not private
//
// All others, std::atomic<long> and the one byte of std::barrier among them, share sixteen words by
// a hash of their address, and what they sleep on is a counter of wake-ups:
//
//     __waiter_pool_base __w[16]:     +0  _M_wait, who sleeps     +64  _M_ver, the futex word
//
// These functions are templates and inlined: their names stand in the program's own debug
// information or symbols, and after stripping nowhere. Then a call of syscall() straight from the
// program's code, with these arguments and on a word that still has the expected value, is a wait
// for that word to change, whoever wrote it; one on a word that lies as the pool's words do is
// left alone.

#include "analyzers/waits/platform_wait.h"

#include <algorithm>

#include "analyzers/waits/runtime_functions.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kPoolAlignment = 64;

bool can_be_platform_wait(const FutexCall& call) {
  const bool plain = call.command == FutexCommand::kWait && !call.timed();
  const bool timed = call.command == FutexCommand::kWaitBitset && call.timed() && !call.realtime;
  return (plain || timed) && !call.process_private &&
         call.instruction != CallInstruction::kNamesCall;
}

bool has_cpp_runtime(const Snapshot& snapshot) {
  return std::ranges::any_of(snapshot.modules, [](const Module& module) {
    return module.path.find("/libstdc++.so") != std::string::npos;
  });
}

// The lambda that looks whether the wait is over is named after the function it stands in, so the
// innermost name that says more than "atomic wait" decides.
std::optional<PlatformWaiter> find_waiter(const std::vector<std::string_view>& functions) {
  struct Word {
    std::string_view text;
    PlatformWaiter waiter;
  };
  static constexpr Word kWords[] = {{"std::__atomic_semaphore::", PlatformWaiter::kSemaphore},
                                    {"std::counting_semaphore<", PlatformWaiter::kSemaphore},
                                    {"std::latch::", PlatformWaiter::kLatch},
                                    {"std::__tree_barrier<", PlatformWaiter::kBarrier},
                                    {"std::barrier<", PlatformWaiter::kBarrier}};
  if (!is_in(functions, "std::__detail::__platform_wait") &&
      !is_in(functions, "std::__atomic_wait_address")) {
    return std::nullopt;
  }
  for (const std::string_view function : functions) {
    for (const Word& word : kWords) {
      if (function.find(word.text) != std::string_view::npos) return word.waiter;
    }
  }
  return PlatformWaiter::kAtomic;
}

bool is_pooled(const FutexSleeper& sleeper) {
  const Address word = sleeper.call.word;
  if (const auto symbol = sleeper.program.find_data_symbol(word)) {
    return symbol->name.find("__waiter_pool_base") != std::string::npos;
  }
  if (word.value % kPoolAlignment != 0) return false;
  const auto sleepers =
      sleeper.locks.memory().read_object<std::uint32_t>(word - kPoolAlignment).value_or(0);
  return sleepers != 0 && sleepers <= sleeper.snapshot.threads.size();
}

}  // namespace

std::optional<PlatformWait> find_platform_wait(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  if (!can_be_platform_wait(call)) return std::nullopt;
  const auto word = sleeper.locks.memory().read_object<std::uint32_t>(call.word);
  if (!word) return std::nullopt;
  PlatformWait wait{.word = *word, .changed = *word != call.value};
  if (const auto waiter = find_waiter(runtime_functions(sleeper))) {
    wait.waiter = *waiter;
  } else {
    if (wait.changed || !has_cpp_runtime(sleeper.snapshot) || !is_a_bare_syscall(sleeper)) {
      return std::nullopt;
    }
    wait.by = RecognisedBy::kRegisters;
  }
  wait.pooled = is_pooled(sleeper);
  return wait;
}

}  // namespace pstuck
