#include "attach/core_notes.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/procfs.h>

#include <array>
#include <csignal>
#include <cstring>

#include "attach/file_memory.h"
#include "tests/support/elf_bytes.h"

namespace pstuck {
namespace {

using testing::append;
using testing::Bytes;
using testing::make_files_note;
using testing::make_note;
using testing::make_object_note;
using testing::make_thread_note;
using testing::operator+;

CoreNotes parse(const Bytes& notes) {
  ByteMemory file(notes);
  const std::array segments = {AddressRange{{0}, {notes.size()}}};
  return read_core_notes(file, segments);
}

TEST(CoreNotes, TellsAThreadWithItsRegisters) {
  const CoreNotes notes = parse(make_thread_note(4711, 202, -512));
  ASSERT_EQ(notes.threads.size(), 1U);
  const CoreThread& thread = notes.threads[0];
  EXPECT_EQ(thread.tid.value, 4711);
  EXPECT_EQ(thread.signal, 0);
  EXPECT_EQ(thread.user.syscall.state, SyscallState::kInSyscall);
  EXPECT_EQ(thread.user.syscall.number, 202);
  EXPECT_EQ(thread.user.syscall.arguments[0], 0x1111U);
  EXPECT_EQ(thread.user.syscall.arguments[3], 0x4444U);
  EXPECT_EQ(thread.user.registers.by_dwarf_number[3], 0x3333U);
  EXPECT_EQ(thread.user.registers.by_dwarf_number[7], 0x7000U);
  EXPECT_EQ(thread.user.registers.by_dwarf_number[16], 0x401000U);
  EXPECT_EQ(thread.user.registers.thread_pointer, Address{0x7f00});
}

TEST(CoreNotes, TellsThreadsThatAreAwakeFromThoseThatWait) {
  const CoreNotes notes = parse(make_thread_note(1, 202, 0) + make_thread_note(2, -1, 42));
  ASSERT_EQ(notes.threads.size(), 2U);
  EXPECT_EQ(notes.threads[0].user.syscall.state, SyscallState::kReturned);
  EXPECT_EQ(notes.threads[1].user.syscall.state, SyscallState::kUserMode);
}

TEST(CoreNotes, GivesASignalToTheThreadBeforeIt) {
  siginfo_t info{};
  info.si_signo = SIGSEGV;
  info.si_code = SEGV_MAPERR;
  info.si_addr = reinterpret_cast<void*>(0x18);
  siginfo_t second = info;
  second.si_code = SEGV_ACCERR;
  const Bytes signal = make_object_note(NT_SIGINFO, info);
  const Bytes another = make_object_note(NT_SIGINFO, second);
  const CoreNotes notes =
      parse(signal + make_thread_note(1, 202, 0) + signal + another + make_thread_note(2, -1, 42));
  ASSERT_EQ(notes.threads.size(), 2U);
  ASSERT_TRUE(notes.threads[0].received);
  EXPECT_EQ(notes.threads[0].received->number, SIGSEGV);
  EXPECT_EQ(notes.threads[0].received->code, SEGV_MAPERR);
  EXPECT_EQ(notes.threads[0].received->address, Address{0x18});
  EXPECT_FALSE(notes.threads[1].received);
}

TEST(CoreNotes, TellsTheProcess) {
  prpsinfo_t info{};
  info.pr_pid = 4711;
  info.pr_ppid = 1;
  std::strcpy(info.pr_fname, "orderd");
  std::memset(info.pr_psargs, 'x', sizeof info.pr_psargs);
  const CoreNotes notes = parse(make_object_note(NT_PRPSINFO, info));
  ASSERT_TRUE(notes.process);
  EXPECT_EQ(notes.process->pid.value, 4711);
  EXPECT_EQ(notes.process->parent.value, 1);
  EXPECT_EQ(notes.process->name, "orderd");
  EXPECT_EQ(notes.process->arguments, std::string(80, 'x'));
}

TEST(CoreNotes, CountsFileOffsetsInTheUnitOfTheNote) {
  constexpr std::string_view kNames{"/bin/a\0/bin/b\0", 14};
  const CoreNotes kernel =
      parse(make_files_note(4096, {{0x1000, 0x2000, 1}, {0x3000, 0x4000, 2}}, kNames));
  ASSERT_EQ(kernel.files.size(), 2U);
  EXPECT_EQ(kernel.files[0].file_offset, 0x1000U);
  EXPECT_EQ(kernel.files[1].file_offset, 0x2000U);
  EXPECT_EQ(kernel.files[1].path, "/bin/b");
  const CoreNotes gcore = parse(make_files_note(1, {{0x1000, 0x2000, 0x1000}}, kNames));
  ASSERT_EQ(gcore.files.size(), 1U);
  EXPECT_EQ(gcore.files[0].file_offset, 0x1000U);
}

TEST(CoreNotes, DropsFileRangesThatMakeNoSense) {
  constexpr std::string_view kNames{"/a\0/b\0/c\0/d\0", 12};
  const CoreNotes notes = parse(make_files_note(4096,
                                                {{0x5000, 0x6000, 0},
                                                 {0x1000, 0x1000, 0},
                                                 {0x5800, 0x7000, 0},
                                                 {0x8000, 0x9000, UINT64_MAX / 2}},
                                                kNames));
  ASSERT_EQ(notes.files.size(), 1U);
  EXPECT_EQ(notes.files[0].path, "/a");
}

TEST(CoreNotes, BelievesNoCount) {
  Bytes content;
  append(content, std::uint64_t{UINT64_MAX});
  append(content, std::uint64_t{4096});
  append(content, std::array<std::uint64_t, 3>{0x1000, 0x2000, 0});
  EXPECT_TRUE(parse(make_note(NT_FILE, content)).files.empty());
}

TEST(CoreNotes, ReadsTheAuxiliaryVectorUpToItsEnd) {
  Bytes content;
  for (const auto& [type, value] : {std::pair<std::uint64_t, std::uint64_t>{AT_PHDR, 0x400040},
                                    {AT_SYSINFO_EHDR, 0x7fff000},
                                    {AT_EXECFN, 0x7ffe000},
                                    {AT_NULL, 0},
                                    {AT_ENTRY, 0xbad}}) {
    append(content, type);
    append(content, value);
  }
  const CoreNotes notes = parse(make_note(NT_AUXV, content));
  EXPECT_EQ(notes.auxiliary.program_headers, Address{0x400040});
  EXPECT_EQ(notes.auxiliary.vdso, Address{0x7fff000});
  EXPECT_EQ(notes.auxiliary.executable_name, Address{0x7ffe000});
  EXPECT_EQ(notes.auxiliary.entry, std::nullopt);
}

TEST(CoreNotes, LeavesNotesOfOthersAlone) {
  EXPECT_TRUE(parse(make_note(NT_PRSTATUS, Bytes(336), "LINUX")).threads.empty());
}

TEST(CoreNotes, KeepsTheThreadsBeforeTheCut) {
  const Bytes whole = make_thread_note(1, 202, -512) + make_thread_note(2, 202, -512);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(parse(cut).threads.size(), size >= whole.size() / 2 ? 1U : 0U) << size;
  }
}

TEST(CoreNotes, EndsAtANoteLongerThanTheSegment) {
  Bytes notes;
  append(notes, Elf64_Nhdr{UINT32_MAX, UINT32_MAX, NT_PRSTATUS});
  EXPECT_TRUE(parse(notes).threads.empty());
}

}  // namespace
}  // namespace pstuck
