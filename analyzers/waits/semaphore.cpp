// sem_wait, sem_timedwait and sem_clockwait, for semaphores of sem_init and of sem_open. The futex
// is the value, which is 0 while threads wait (glibc: sysdeps/nptl/internaltypes.h, struct new_sem;
// on 64 bits the same from 2.21 to 2.42):
//
//     +0  value         what the thread sleeps on; it expects 0
//     +4  waiters
//     +8  private       0, or 128 where other processes may share it
//
// While it sleeps the thread's cleanup chain has the semaphore as its innermost argument
// (nptl/sem_waitcommon.c). Where the chain cannot be read, a name must say that it is a semaphore
// and these fields must agree: a condition variable's wait has the same registers.
//
// Nothing records who took a semaphore's units.

#include "analyzers/waits/recogniser.h"
#include "attach/mappings.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kAlignment = 8;
constexpr std::uint32_t kShared = 128;

struct SemaphoreBytes {
  std::uint32_t value;
  std::uint32_t waiters;
  std::uint32_t shared;
};

bool is_on_chain(const FutexSleeper& sleeper) {
  const auto& chain = sleeper.locks.read_cleanup(sleeper.thread);
  return !chain.empty() && chain.front().argument == sleeper.call.word;
}

bool agrees(const FutexSleeper& sleeper, const SemaphoreBytes& semaphore) {
  if (semaphore.shared != 0 && semaphore.shared != kShared) return false;
  if (sleeper.call.process_private != (semaphore.shared == 0) || semaphore.waiters == 0) {
    return false;
  }
  return semaphore.shared != 0 || semaphore.waiters <= sleeper.snapshot.threads.size() + 1;
}

/// "/jobs" where the semaphore is that of sem_open("/jobs"). Empty for another, and where the name
/// was removed: a core's creator has it mapped under a temporary one (attach/semaphore_files.h).
std::string name_of(const Mapping* mapping) {
  constexpr std::string_view kFiles = "/dev/shm/sem.";
  if (mapping == nullptr || mapping->deleted || !mapping->path.starts_with(kFiles)) return {};
  return "/" + mapping->path.substr(kFiles.size());
}

}  // namespace

std::optional<RecognisedWait> recognise_semaphore(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  if (sleeper.frames.libc() == LibcKind::kMusl || call.command != FutexCommand::kWaitBitset ||
      call.value != 0 || call.word.value % kAlignment != 0) {
    return std::nullopt;
  }
  const NamedWait& names = sleeper.names;
  const bool chained = is_on_chain(sleeper);
  const bool named = names.names(NameMeans::kSemaphore) && !names.rules_out(NameMeans::kSemaphore);
  if (!chained && !named) return std::nullopt;
  RecognisedWait wait{
      .resource = {.address = call.word},
      .kind = WaitKind::kUnit,
      .by = chained ? RecognisedBy::kCleanupChain : names.best_name(NameMeans::kSemaphore)};
  wait.resource.process_shared = !call.process_private;
  wait.resource.name = name_of(find_mapping(sleeper.snapshot, call.word));
  if (!wait.resource.name.empty()) wait.resource.named_by = NamedBy::kVariable;
  const auto semaphore = sleeper.locks.memory().read_object<SemaphoreBytes>(call.word);
  if (!semaphore) {
    wait.owner.fate = OwnerFate::kUnreadable;
    return wait;
  }
  if (!agrees(sleeper, *semaphore)) return std::nullopt;
  wait.resource.value = semaphore->value;
  wait.resource.seen = sleeper.locks.read_seen(call.word, sizeof *semaphore);
  if (semaphore->value != 0) wait.owner.fate = OwnerFate::kInTransition;
  return wait;
}

}  // namespace pstuck
