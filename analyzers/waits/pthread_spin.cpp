// pthread_spin_lock. Who waits for a spinlock does not sleep: it runs, in these few instructions of
// libc (glibc: sysdeps/x86_64/nptl/pthread_spin_lock.S, the same from 2.17 to 2.42), and the lock
// is what %rdi points to all the time:
//
//     1:  lock decl (%rdi)                      f0 ff 0f
//         jne  2f                               75 ..
//         xor  %eax, %eax; ret                  31 c0 c3
//     2:  pause                                 f3 90        ◀─┐
//         cmpl $0, (%rdi)                       83 3f 00       │
//         jg   1b                               7f ..          │
//         jmp  2b                               eb f7        ──┘
//
// 1 is free; 0 and below is held. The program counter must be in the waiting loop of this code, or
// the function must have that name. Code of the program's own is not libc's, however alike.
//
// Nothing records who has a spinlock.

#include <algorithm>
#include <span>

#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

constexpr std::size_t kRdi = 5;

constexpr std::array<std::uint8_t, 9> kLoop = {0xf3, 0x90, 0x83, 0x3f, 0x00, 0x7f, 0, 0xeb, 0xf7};
constexpr std::size_t kJumpDistance = 6;  // differs with how the function is aligned
constexpr std::array<std::uint64_t, 4> kInstructions = {0, 2, 5, 7};

bool is_loop(std::array<std::uint8_t, kLoop.size()> code) {
  code[kJumpDistance] = kLoop[kJumpDistance];
  return code == kLoop;
}

bool is_in_loop(Address pc, Memory& memory) {
  return std::ranges::any_of(kInstructions, [&](std::uint64_t offset) {
    const auto code = memory.read_object<std::array<std::uint8_t, kLoop.size()>>(pc - offset);
    return code && is_loop(*code);
  });
}

bool may_be_in_libc(const RunningThread& running) {
  if (running.frames.libc() == LibcKind::kMusl || running.stack.frames.empty()) return false;
  return running.frames.libc() == LibcKind::kStaticOrNone ||
         running.frames.owner(running.stack.frames.front()) == FrameOwner::kLibc;
}

bool is_named(const RunningThread& running) {
  const Frame& frame = running.stack.frames.front();
  const std::string& function = running.frames.location(frame).function;
  return plain_libc_name(function) == "pthread_spin_lock";
}

RecordedOwner owner_of(std::optional<std::int32_t> word) {
  if (!word) return {OwnerFate::kUnreadable, std::nullopt};
  return {*word > 0 ? OwnerFate::kInTransition : OwnerFate::kNotRecorded, std::nullopt};
}

}  // namespace

std::optional<RecognisedWait> recognise_pthread_spin(const RunningThread& running) {
  const Registers& registers = running.thread.registers;
  const auto pointer = registers.get(kRdi);
  const auto pc = registers.program_counter();
  if (running.thread.syscall.state != SyscallState::kUserMode || !pointer || !pc ||
      registers.machine != Machine::kX86_64 || !may_be_in_libc(running)) {
    return std::nullopt;
  }
  const Address lock{*pointer};
  const bool looped = is_in_loop(*pc, running.locks.memory());
  if (lock.value % sizeof(std::int32_t) != 0 || (!looped && !is_named(running))) {
    return std::nullopt;
  }
  RecognisedWait wait{.resource = {.address = lock},
                      .by = looped ? RecognisedBy::kRegisters : RecognisedBy::kFunctionName,
                      .owner = owner_of(running.locks.memory().read_object<std::int32_t>(lock))};
  wait.resource.seen = running.locks.read_seen(lock, sizeof(std::int32_t));
  return wait;
}

}  // namespace pstuck
