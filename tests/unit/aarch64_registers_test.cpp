#include "attach/aarch64_registers.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/procfs.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "attach/core_notes.h"
#include "attach/file_memory.h"
#include "attach/syscalls.h"
#include "tests/support/elf_bytes.h"

namespace pstuck {
namespace {

using testing::append;
using testing::Bytes;
using testing::make_note;

constexpr std::uint32_t kMoveNumber = 0xd2800c48;  // mov x8, #98
constexpr std::uint32_t kCall = 0xd4000001;        // svc #0
constexpr std::uint32_t kCompare = 0xb140041f;     // cmn x0, #1, lsl #12
constexpr std::uint64_t kAtCall = 4;
constexpr std::uint64_t kBehindCall = 8;
constexpr std::uint64_t kFutex = 98;
constexpr std::uint64_t kEpollWait = 22;
constexpr std::uint64_t kRead = 63;

/// A thread of a program with these three instructions at address 0.
Syscall find(std::uint64_t pc, std::uint64_t number, std::uint64_t first_argument) {
  Bytes code;
  for (const std::uint32_t instruction : {kMoveNumber, kCall, kCompare}) append(code, instruction);
  ByteMemory memory(code);
  Registers registers{.machine = Machine::kAArch64};
  for (std::size_t i = 0; i < 31; ++i) registers.set(i, 0x100 + i);
  registers.set(0, first_argument);
  registers.set(8, number);
  registers.set(32, pc);
  return find_aarch64_syscall(registers, memory);
}

TEST(AArch64, IsInTheCallThatTheKernelTookBack) {
  const Syscall call = find(kAtCall, kFutex, 0x550000201f8);
  EXPECT_EQ(call.state, SyscallState::kInSyscall);
  EXPECT_EQ(call.number, kFutexCall);
  const std::array<std::uint64_t, 6> arguments = {0x550000201f8, 0x101, 0x102, 0x103, 0x104, 0x105};
  EXPECT_EQ(call.arguments, arguments);
  EXPECT_EQ(find(kAtCall, kRead, 3).state, SyscallState::kInSyscall);
}

TEST(AArch64, IsInACallThatCannotBeRestarted) {
  const Syscall call = find(kBehindCall, kEpollWait, static_cast<std::uint64_t>(-EINTR));
  EXPECT_EQ(call.state, SyscallState::kInSyscall);
  EXPECT_EQ(find_blocking_call(call.number)->name, "epoll_pwait");
  EXPECT_EQ(call.arguments[0], UINT64_MAX) << "the descriptor is lost";
}

TEST(AArch64, IsInAFutexCallWhoseFirstArgumentIsNoResult) {
  EXPECT_EQ(find(kBehindCall, kFutex, 0x550000201f8).state, SyscallState::kInSyscall);
  EXPECT_EQ(find(kBehindCall, kFutex, 0).state, SyscallState::kUnknown);
  EXPECT_EQ(find(kBehindCall, kFutex, static_cast<std::uint64_t>(-EAGAIN)).state,
            SyscallState::kUnknown);
}

TEST(AArch64, IsNowhereThatItCouldBeToldFrom) {
  EXPECT_EQ(find(kBehindCall, kRead, 3).state, SyscallState::kUnknown) << "may have returned 3";
  EXPECT_EQ(find(0, kFutex, 0x550000201f8).state, SyscallState::kUnknown) << "not at a call";
  EXPECT_EQ(find(0x1000, kFutex, 0x550000201f8).state, SyscallState::kUnknown) << "no code";
  EXPECT_EQ(find(kAtCall, 1'000'000, 0x550000201f8).state, SyscallState::kUnknown);
  EXPECT_EQ(find(kAtCall, UINT64_MAX, 0x550000201f8).state, SyscallState::kUnknown);
}

TEST(AArch64, HasItsRegistersInTheNotes) {
  prstatus_t status{};
  status.pr_pid = 4711;
  Bytes content;
  append(content, status);
  content.resize(offsetof(prstatus_t, pr_reg) + kAArch64RegistersSize);
  for (std::uint64_t i = 0; i < 34; ++i) {
    const std::uint64_t value = 0x1000 + i;
    std::memcpy(content.data() + offsetof(prstatus_t, pr_reg) + i * 8, &value, sizeof value);
  }
  const Bytes note = make_note(NT_PRSTATUS, content);
  ByteMemory file(note);
  const std::array segments = {AddressRange{{0}, {note.size()}}};
  const CoreNotes notes = read_core_notes(file, segments, Machine::kAArch64);
  ASSERT_EQ(notes.threads.size(), 1U);
  const Registers& registers = notes.threads[0].user.registers;
  EXPECT_EQ(notes.threads[0].tid, Tid{4711});
  EXPECT_EQ(registers.get(29), 0x101dU);
  EXPECT_EQ(registers.stack_pointer(), Address{0x101f});
  EXPECT_EQ(registers.program_counter(), Address{0x1020});

  content.resize(content.size() - 1);
  const Bytes cut = make_note(NT_PRSTATUS, content);
  ByteMemory cut_file(cut);
  const std::array cut_segments = {AddressRange{{0}, {cut.size()}}};
  EXPECT_TRUE(read_core_notes(cut_file, cut_segments, Machine::kAArch64).threads.empty());
}

}  // namespace
}  // namespace pstuck
