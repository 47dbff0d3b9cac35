// The locks inside glibc: of malloc's arenas, of the exit handlers, of the environment. All are one
// word, 0 free, 1 held, 2 held and waited for, and all who wait sleep in __lll_lock_wait_private or
// its inlined copy, and expect 2 (glibc: sysdeps/nptl/lowlevellock.h).
//
//     __lll_lock_wait_private ◀── _int_free ◀── free ◀── the program        the malloc arena's
//
// A normal mutex waits with the same registers, so a name must say that it is libc's own lock: that
// of the function it waits in, or that of a function that takes such a lock. Which lock it is, as
// far as names tell, becomes the resource's type.
//
// Most record no owner. A few are recursive and are followed by their depth and owner, as the lock
// of a FILE is: that of the list of FILEs, and from glibc 2.41 on that of exit(). Where no name
// tells, an owner that is the pthread_t of a live thread proves such a lock.

#include <algorithm>

#include "analyzers/waits/libc_lock_names.h"
#include "analyzers/waits/recogniser.h"
#include "analyzers/waits/stdio_layout.h"

namespace pstuck {
namespace {

constexpr std::string_view kListOfFiles = "stdio list";
constexpr std::string_view kExitHandlers = "exit handlers";

// No primitive of the program's waits in __lll_lock_wait_private.
bool is_of_another_primitive(NameMeans means) {
  return means >= NameMeans::kMutex && means <= NameMeans::kSpinlock;
}

bool is_named(const NamedWait& names) {
  if (is_of_another_primitive(names.frames)) return false;
  if (names.in_private_lock) return true;
  return names.names(NameMeans::kLibcLock) && !names.rules_out(NameMeans::kLibcLock);
}

std::string_view find_type(const NamedWait& names) {
  for (const std::string_view function : names.libc_functions) {
    if (locks_list_of_files(function)) return kListOfFiles;
    if (const auto guarded = find_libc_lock(function)) return *guarded;
  }
  return {};
}

bool is_owned_by_a_thread(const FutexSleeper& sleeper, const StdioLock& lock) {
  return lock.is_plausible() &&
         std::ranges::any_of(sleeper.snapshot.threads, [&](const ThreadSnapshot& thread) {
           return thread.registers.thread_pointer == lock.owner;
         });
}

// Without any name that libc's own code sleeps here must be seen otherwise.
bool is_surely_recursive(const FutexSleeper& sleeper, const StdioLock& lock) {
  return sleeper.names.frames == NameMeans::kNothing &&
         sleeper.names.call_site == NameMeans::kNothing &&
         sleeper.call.instruction == CallInstruction::kNamesCall &&
         is_owned_by_a_thread(sleeper, lock);
}

}  // namespace

std::optional<RecognisedWait> recognise_libc_lock(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  const NamedWait& names = sleeper.names;
  if (sleeper.frames.libc() == LibcKind::kMusl || !call.is_in_libc_lock() || names.outside_libc) {
    return std::nullopt;
  }
  const std::string_view type = find_type(names);
  const bool named = is_named(names) || type == kListOfFiles;
  const auto lock = sleeper.locks.memory().read_object<StdioLock>(call.word);
  const bool recursive = lock && is_surely_recursive(sleeper, *lock);
  if (!named && !recursive) return std::nullopt;
  RecognisedWait wait{
      .resource = {.address = call.word, .type = std::string(type)},
      .by = named ? names.best_name(NameMeans::kLibcLock) : RecognisedBy::kRegisters};
  const auto word = sleeper.locks.memory().read_object<std::uint32_t>(call.word);
  if (word && *word > 2) return std::nullopt;
  wait.resource.seen = sleeper.locks.read_seen(call.word, sizeof *word);
  const bool records = recursive || type == kListOfFiles || type == kExitHandlers;
  if (!word) {
    wait.owner.fate = OwnerFate::kUnreadable;
  } else if (*word == 0) {
    wait.owner.fate = OwnerFate::kInTransition;
  } else if (records && is_owned_by_a_thread(sleeper, *lock)) {
    wait.owner = find_owner(*lock, sleeper.locks.memory());
  }
  return wait;
}

}  // namespace pstuck
