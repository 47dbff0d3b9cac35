// A priority-inheriting mutex that the kernel refuses to queue a thread for. When the wait would
// close a cycle (EDEADLK), also one of a single thread, and when the owner has died (ESRCH),
// pthread_mutex_lock sleeps for ever on a word of its own stack that nobody knows of (glibc 2.36:
// nptl/pthread_mutex_lock.c, "Delay the thread indefinitely"):
//
//     futex(&(unsigned int) {0}, FUTEX_WAIT_BITSET, 0, …)      the word is not the mutex
//
// So of every cycle of such mutexes one edge shows here and not in the futex word. The mutex itself
// is left in a callee-saved register of pthread_mutex_lock's frame: measured on glibc 2.36 as the
// address of its kind field, which only libc has a use for. Where it is the address of the mutex,
// as another build may keep it, the program can have put it there too, for a mutex that it holds;
// then only a register that libc's frame set to another value than the program's frame left counts.
//
// It fails where the registers are not known, as for a thread that was read without a stop.

#include <algorithm>
#include <vector>

#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

using CalleeSaved = std::array<std::optional<std::uint64_t>, 6>;

constexpr std::size_t kMostFrames = 8;
constexpr std::uint64_t kNearStackPointer = 4096;

// The word lies in a frame just above the stack pointer, and holds what the call expects.
bool sleeps_on_own_stack(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  const auto sp = sleeper.thread.registers.stack_pointer();
  if (call.command != FutexCommand::kWaitBitset || call.value != 0) return false;
  if (!sp || call.word - *sp >= kNearStackPointer) return false;
  return sleeper.locks.memory().read_object<std::uint32_t>(call.word) == 0U;
}

CalleeSaved innermost_registers(const Registers& registers) {
  CalleeSaved saved;
  const RegisterRoles roles = roles_of(registers.machine);
  for (std::size_t i = 0; i < saved.size(); ++i) saved[i] = registers.get(roles.callee_saved[i]);
  return saved;
}

// The kernel refuses only what would hang: error-checking and recursive mutexes return instead.
bool can_be_refused(const FutexSleeper& sleeper, Address at) {
  if (at.value % kMutexAlignment != 0) return false;
  const auto mutex = sleeper.locks.read_mutex(at);
  const auto traits = mutex ? parse_mutex_kind(mutex->head.kind) : std::nullopt;
  if (!traits || traits->protocol != MutexProtocol::kInherit || !is_plausible(*mutex, *traits)) {
    return false;
  }
  if (traits->type == MutexType::kRecursive || traits->type == MutexType::kErrorCheck) return false;
  return find_owner(mutex->head, *traits).state == MutexOwner::State::kHeld;
}

class Candidates {
 public:
  explicit Candidates(const FutexSleeper& sleeper) : sleeper_(sleeper) {}

  void try_one(Address at) {
    if (std::ranges::find(found_, at) == found_.end() && can_be_refused(sleeper_, at)) {
      found_.push_back(at);
    }
  }

  [[nodiscard]] std::optional<Address> only_one() const {
    return found_.size() == 1 ? std::optional(found_.front()) : std::nullopt;
  }

 private:
  const FutexSleeper& sleeper_;
  std::vector<Address> found_;
};

// libc's frames, innermost first; where they cannot be told from the program's, the innermost one.
std::vector<CalleeSaved> libc_registers(const FutexSleeper& sleeper) {
  std::vector<CalleeSaved> all = {innermost_registers(sleeper.thread.registers)};
  for (const Frame& frame : sleeper.stack.frames) {
    if (all.size() > kMostFrames || sleeper.frames.owner(frame) != FrameOwner::kLibc) break;
    all.push_back(frame.callee_saved);
  }
  return all;
}

std::optional<Address> find_by_kind_field(const FutexSleeper& sleeper) {
  Candidates candidates(sleeper);
  for (const CalleeSaved& saved : libc_registers(sleeper)) {
    for (const auto& value : saved) {
      if (value) candidates.try_one(Address{*value} - kMutexKindOffset);
    }
  }
  return candidates.only_one();
}

std::optional<Address> find_by_setter(const FutexSleeper& sleeper) {
  const auto outside = std::ranges::find_if(sleeper.stack.frames, [&](const Frame& frame) {
    return sleeper.frames.owner(frame) != FrameOwner::kLibc;
  });
  if (outside == sleeper.stack.frames.begin() || outside == sleeper.stack.frames.end()) {
    return std::nullopt;
  }
  Candidates candidates(sleeper);
  for (const CalleeSaved& saved : libc_registers(sleeper)) {
    for (std::size_t i = 0; i < saved.size(); ++i) {
      const auto& left_by_program = outside->callee_saved[i];
      if (saved[i] && left_by_program && saved[i] != left_by_program) {
        candidates.try_one(Address{*saved[i]});
      }
    }
  }
  return candidates.only_one();
}

}  // namespace

std::optional<RecognisedWait> recognise_refused_pi_mutex(const FutexSleeper& sleeper) {
  const NamedWait& names = sleeper.names;
  if (sleeper.frames.libc() == LibcKind::kMusl || names.rules_out_mutex() ||
      !sleeps_on_own_stack(sleeper)) {
    return std::nullopt;
  }
  // A condition variable or semaphore of the program's own on its stack looks the same.
  if (names.under_condition && !names.names_mutex()) return std::nullopt;
  auto at = find_by_kind_field(sleeper);
  if (!at && names.names_mutex()) at = find_by_setter(sleeper);
  if (!at) return std::nullopt;
  const MutexBytes mutex = *sleeper.locks.read_mutex(*at);
  return describe_mutex_wait(sleeper, *at, mutex, *parse_mutex_kind(mutex.head.kind));
}

}  // namespace pstuck
