// The lock of a FILE, which every function of stdio takes. Its futex is the first word of an
// _IO_lock_t, which also records its owner, as a pthread_t:
//
//     FILE ──▶ { lock, depth, owner }      lock is 2 while threads wait; they expect 2
//
// The registers are those of all locks inside libc. That it is a FILE's says, in this order: libc's
// list of all FILEs; a register of libc's frames that points to a FILE with this lock; the names on
// the stack. A few functions lock the list itself, with a lock of the same kind: a name of one of
// them proves nothing.

#include <algorithm>

#include "analyzers/waits/libc_lock_names.h"
#include "analyzers/waits/recogniser.h"
#include "analyzers/waits/stdio_layout.h"
#include "analyzers/waits/thread_descriptor.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostFrames = 8;

bool is_lock_of(Address file, Address lock, Memory& memory) {
  const auto bytes = memory.read_object<FileBytes>(file);
  return bytes && bytes->has_magic() && bytes->lock == lock;
}

std::optional<Address> find_file_in_registers(const FutexSleeper& sleeper) {
  std::vector<std::uint64_t> pointers;
  const Registers& registers = sleeper.thread.registers;
  for (const std::size_t number : roles_of(registers.machine).callee_saved) {
    if (const auto value = registers.get(number)) pointers.push_back(*value);
  }
  const auto& frames = sleeper.stack.frames;
  for (std::size_t i = 0; i < std::min(frames.size(), kMostFrames); ++i) {
    for (const auto& value : frames[i].callee_saved) {
      if (value) pointers.push_back(*value);
    }
  }
  for (const std::uint64_t pointer : pointers) {
    if (is_lock_of(Address{pointer}, sleeper.call.word, sleeper.locks.memory())) {
      return Address{pointer};
    }
  }
  return std::nullopt;
}

bool is_named(const NamedWait& names) {
  return names.names(NameMeans::kStdio) && !names.rules_out(NameMeans::kStdio) &&
         std::ranges::none_of(names.libc_functions, locks_list_of_files);
}

}  // namespace

std::optional<RecognisedWait> recognise_stdio_lock(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  const NamedWait& names = sleeper.names;
  if (sleeper.frames.libc() == LibcKind::kMusl || !call.is_in_libc_lock() || names.outside_libc) {
    return std::nullopt;
  }
  auto file = sleeper.locks.find_file(sleeper.program, call.word);
  if (!file) file = find_file_in_registers(sleeper);
  if (!file && !is_named(names)) return std::nullopt;
  RecognisedWait wait{.resource = {.address = call.word},
                      .by = file ? RecognisedBy::kRegisters : names.best_name(NameMeans::kStdio)};
  if (file) wait.resource.name = name_of_file(*file, sleeper.program);
  if (!wait.resource.name.empty()) wait.resource.named_by = NamedBy::kVariable;
  const auto lock = sleeper.locks.memory().read_object<StdioLock>(call.word);
  if (lock && !lock->is_plausible()) return std::nullopt;
  wait.resource.seen = sleeper.locks.read_seen(call.word, sizeof *lock);
  wait.owner = lock ? find_owner(*lock, sleeper.locks.memory())
                    : RecordedOwner{OwnerFate::kUnreadable, std::nullopt};
  return wait;
}

RecordedOwner find_owner(const StdioLock& lock, Memory& memory) {
  if (lock.lock == 0 || lock.owner.value == 0) return {OwnerFate::kInTransition, std::nullopt};
  const auto id = read_thread_id(lock.owner, memory);
  if (!id || id->value <= 0) return {OwnerFate::kNotRecorded, std::nullopt};  // it has ended
  return {OwnerFate::kThread, id};
}

}  // namespace pstuck
