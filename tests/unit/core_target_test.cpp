#include "attach/core_target.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/procfs.h>

#include <csignal>

#include "attach/error.h"
#include "tests/support/elf_bytes.h"
#include "tests/support/temporary_file.h"

namespace pstuck {
namespace {

using testing::Bytes;
using testing::CorePart;
using testing::make_core;
using testing::make_files_note;
using testing::make_library_page;
using testing::make_note;
using testing::make_object_note;
using testing::make_thread_note;
using testing::TemporaryFile;
using testing::operator+;

std::optional<ErrorKind> error_of(const Bytes& bytes) {
  const TemporaryFile file(bytes);
  try {
    open_core_target(file.path(), {});
  } catch (const Error& error) {
    EXPECT_NE(error.hint, "") << error.what();
    return error.kind;
  }
  return {};
}

Bytes filled(std::size_t size, int value) { return Bytes(size, static_cast<std::byte>(value)); }

CorePart thread_part() { return {.type = PT_NOTE, .bytes = make_thread_note(7, 202, -512)}; }

CorePart load_part(std::uint64_t address, Bytes bytes, std::uint64_t memory_size) {
  return {.type = PT_LOAD,
          .bytes = std::move(bytes),
          .address = address,
          .memory_size = memory_size,
          .flags = PF_R | PF_W};
}

TEST(CoreTarget, TellsWhatIsNoCore) {
  EXPECT_EQ(error_of({}), ErrorKind::kNotACore);
  EXPECT_EQ(error_of(filled(100, 'a')), ErrorKind::kNotACore);
  EXPECT_EQ(error_of(filled(100, 0)), ErrorKind::kNotACore);
  EXPECT_EQ(error_of(make_library_page("\x01")), ErrorKind::kNotACore);
}

TEST(CoreTarget, DoesNotMisreadOtherMachines) {
  const Bytes core = make_core({thread_part()});
  Bytes other = core;
  other[EI_CLASS] = std::byte{ELFCLASS32};
  EXPECT_EQ(error_of(other), ErrorKind::kUnsupported);
  other = core;
  other[EI_DATA] = std::byte{ELFDATA2MSB};
  std::swap(other[16], other[17]);  // e_type
  EXPECT_EQ(error_of(other), ErrorKind::kUnsupported);
  other = core;
  other[18] = std::byte{EM_RISCV};
  EXPECT_EQ(error_of(other), ErrorKind::kUnsupported);
  EXPECT_EQ(error_of(core), std::nullopt);
}

TEST(CoreTarget, NeedsThreads) {
  EXPECT_EQ(error_of(make_core({load_part(0x1000, filled(16, 1), 16)})), ErrorKind::kUnreadable);
}

TEST(CoreTarget, SortsThreadsAndDropsRepeatedOnes) {
  CorePart notes{.type = PT_NOTE};
  for (const int tid : {9, 7, 9, 8}) notes.bytes = notes.bytes + make_thread_note(tid, tid, -512);
  const TemporaryFile file(make_core({notes}));
  const Snapshot snapshot = open_core_target(file.path(), {})->capture({});
  ASSERT_EQ(snapshot.threads.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(snapshot.threads[i].tid.value, static_cast<int>(i) + 7);
    EXPECT_EQ(snapshot.threads[i].tid_in_target, snapshot.threads[i].tid);
    EXPECT_EQ(snapshot.threads[i].capture, CaptureWay::kFromCore);
  }
}

std::optional<CrashFacts> crash_of(int signal, int code, int sender = 0) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = code;
  if (code > 0) info.si_addr = reinterpret_cast<void*>(0x18);
  if (code <= 0) info.si_pid = sender;
  prpsinfo_t process{};
  process.pr_pid = 7;
  const CorePart notes{.type = PT_NOTE,
                       .bytes = make_thread_note(9, -1, 0, static_cast<short>(signal)) +
                                make_object_note(NT_PRPSINFO, process) +
                                make_object_note(NT_SIGINFO, info) +
                                make_thread_note(7, 202, -512, static_cast<short>(signal))};
  const TemporaryFile file(make_core({notes}));
  return open_core_target(file.path(), {})->capture({}).core->crash;
}

TEST(CoreTarget, TellsWhatEndedTheProcess) {
  const auto fault = crash_of(SIGSEGV, SEGV_MAPERR);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->thread, Tid{9});
  EXPECT_EQ(fault->cause, CrashCause::kFault);
  EXPECT_EQ(fault->address, Address{0x18});
  EXPECT_FALSE(fault->sender);
  EXPECT_FALSE(crash_of(SIGSEGV, SI_KERNEL)->address);
  EXPECT_EQ(crash_of(SIGABRT, SI_TKILL, 7)->cause, CrashCause::kRaised);
  EXPECT_EQ(crash_of(SIGQUIT, SI_USER, 123)->cause, CrashCause::kSent);
  EXPECT_EQ(crash_of(SIGQUIT, SI_USER, 123)->sender, Tid{123});
  EXPECT_EQ(crash_of(SIGXCPU, SI_KERNEL)->cause, CrashCause::kUnknown);
  EXPECT_FALSE(crash_of(0, 0));
}

TEST(CoreTarget, DoesNotTakeWhatWasNotDumpedForZero) {
  const TemporaryFile file(make_core({thread_part(), load_part(0x1000, filled(8, 1), 0x1000)}));
  const auto target = open_core_target(file.path(), {});
  Bytes bytes(16);
  EXPECT_EQ(target->memory().read({0x1000}, bytes), 8U);
  EXPECT_EQ(target->memory().read({0x1008}, bytes), 0U);
}

TEST(CoreTarget, ReadsAcrossSegmentsThatTouch) {
  const TemporaryFile file(make_core(
      {thread_part(), load_part(0x1008, filled(8, 2), 8), load_part(0x1000, filled(8, 1), 8)}));
  const auto target = open_core_target(file.path(), {});
  Bytes bytes(16);
  EXPECT_EQ(target->memory().read({0x1000}, bytes), 16U);
  EXPECT_EQ(bytes, filled(8, 1) + filled(8, 2));
}

TEST(CoreTarget, AnalysesWhatACutCoreStillHas) {
  Bytes core = make_core({thread_part(), load_part(0x1000, filled(0x1000, 1), 0x1000)});
  core.resize(core.size() - 0x400);
  const TemporaryFile file(core);
  const auto target = open_core_target(file.path(), {});
  const Snapshot snapshot = target->capture({});
  EXPECT_EQ(snapshot.core->missing_bytes, 0x400U);
  ASSERT_EQ(snapshot.blind_spots.size(), 1U);
  EXPECT_EQ(snapshot.blind_spots[0].kind, BlindSpotKind::kCoreTruncated);
  EXPECT_EQ(snapshot.blind_spots[0].detail, "1024");
  Bytes bytes(0x1000);
  EXPECT_EQ(target->memory().read({0x1000}, bytes), 0xc00U);
}

TEST(CoreTarget, MapsWhatOnlyTheFileNoteNames) {
  CorePart notes = thread_part();
  notes.bytes = notes.bytes + make_files_note(1, {{0x1000, 0x3000, 0}, {0x8000, 0x9000, 0}},
                                              std::string_view("/none/a (deleted)\0/none/b\0", 26));
  const TemporaryFile file(make_core({notes, load_part(0x2000, filled(0x1000, 1), 0x2000)}));
  const Snapshot snapshot = open_core_target(file.path(), {})->capture({});
  ASSERT_EQ(snapshot.mappings.size(), 4U);
  EXPECT_EQ(snapshot.mappings[0].path, "/none/a");
  EXPECT_TRUE(snapshot.mappings[0].deleted);
  EXPECT_FALSE(snapshot.mappings[0].writable);
  EXPECT_EQ(snapshot.mappings[1].start, Address{0x2000});
  EXPECT_EQ(snapshot.mappings[1].file_offset, 0x1000U);
  EXPECT_TRUE(snapshot.mappings[1].writable);
  EXPECT_EQ(snapshot.mappings[2].path, "");
  EXPECT_EQ(snapshot.mappings[2].end, Address{0x4000});
  EXPECT_EQ(snapshot.mappings[3].path, "/none/b");
}

/// A core with one library at 0x10000, dumped as `dumped`, mapped from the file `path`.
Bytes core_with_library(const std::string& path, const Bytes& dumped) {
  CorePart notes = thread_part();
  notes.bytes = notes.bytes + make_files_note(4096, {{0x10000, 0x12000, 0}}, path + '\0');
  CorePart text{.type = PT_LOAD,
                .bytes = dumped,
                .address = 0x10000,
                .memory_size = 0x2000,
                .flags = PF_R | PF_X};
  return make_core({notes, text});
}

TEST(CoreTarget, ReadsCodeFromAFileWithTheSameBuildId) {
  const TemporaryFile library(make_library_page("\x01") + filled(0x1000, 0xcc));
  const TemporaryFile core(core_with_library(library.path(), make_library_page("\x01")));
  const auto target = open_core_target(core.path(), {});
  const Snapshot snapshot = target->capture({});
  ASSERT_EQ(snapshot.modules.size(), 1U);
  EXPECT_EQ(snapshot.modules[0].local_file, library.path());
  EXPECT_TRUE(snapshot.blind_spots.empty());
  Bytes bytes(4);
  EXPECT_EQ(target->memory().read({0x11000}, bytes), 4U);
  EXPECT_EQ(bytes, filled(4, 0xcc));
}

TEST(CoreTarget, ReadsNothingFromAFileWithAnotherBuildId) {
  const TemporaryFile library(make_library_page("\x02") + filled(0x1000, 0xcc));
  const TemporaryFile core(core_with_library(library.path(), make_library_page("\x01")));
  const auto target = open_core_target(core.path(), {});
  const Snapshot snapshot = target->capture({});
  ASSERT_EQ(snapshot.modules.size(), 1U);
  EXPECT_EQ(snapshot.modules[0].local_file, "");
  ASSERT_EQ(snapshot.blind_spots.size(), 1U);
  EXPECT_EQ(snapshot.blind_spots[0].kind, BlindSpotKind::kBuildIdMismatch);
  EXPECT_NE(snapshot.blind_spots[0].detail.find("build ID 02"), std::string::npos);
  EXPECT_NE(snapshot.blind_spots[0].detail.find("build ID 01"), std::string::npos);
  Bytes bytes(4);
  EXPECT_EQ(target->memory().read({0x11000}, bytes), 0U);
}

TEST(CoreTarget, SaysWhenTheBuildIdIsNotInTheCore) {
  const TemporaryFile library(make_library_page("\x02") + filled(0x1000, 0xcc));
  const TemporaryFile core(core_with_library(library.path(), {}));
  const Snapshot snapshot = open_core_target(core.path(), {})->capture({});
  ASSERT_EQ(snapshot.modules.size(), 1U);
  EXPECT_EQ(snapshot.modules[0].local_file, library.path());
  ASSERT_EQ(snapshot.blind_spots.size(), 1U);
  EXPECT_EQ(snapshot.blind_spots[0].kind, BlindSpotKind::kBuildIdUnknown);
}

// Code of one page of 64 KiB, where the file has 8 KiB.
TEST(CoreTarget, LetsAFileStandInForPagesOfItsMachine) {
  Bytes page = make_library_page("\x01");
  page[18] = std::byte{EM_AARCH64};
  const TemporaryFile library(page + filled(0x1000, 0xcc));
  Bytes content(offsetof(prstatus_t, pr_reg) + 35 * 8);
  content[offsetof(prstatus_t, pr_reg) + 31 * 8] = std::byte{0x70};  // sp
  Elf64_auxv_t page_size{};
  page_size.a_type = AT_PAGESZ;
  page_size.a_un.a_val = 0x10000;
  CorePart notes{.type = PT_NOTE, .bytes = make_note(NT_PRSTATUS, content)};
  notes.bytes = notes.bytes + make_object_note(NT_AUXV, page_size) +
                make_files_note(0x10000, {{0x10000, 0x20000, 0}}, library.path() + '\0');
  CorePart text{.type = PT_LOAD,
                .bytes = page,
                .address = 0x10000,
                .memory_size = 0x10000,
                .flags = PF_R | PF_X};
  Bytes core = make_core({notes, text});
  core[18] = std::byte{EM_AARCH64};
  const TemporaryFile file(core);
  const auto target = open_core_target(file.path(), {});
  Bytes bytes(4);
  EXPECT_EQ(target->memory().read({0x11000}, bytes), 4U);
  EXPECT_EQ(bytes, filled(4, 0xcc));
}

TEST(CoreTarget, NamesAMissingFile) {
  const TemporaryFile core(core_with_library("/none/a.so", make_library_page("\x01")));
  const Snapshot snapshot = open_core_target(core.path(), {})->capture({});
  ASSERT_EQ(snapshot.blind_spots.size(), 1U);
  EXPECT_EQ(snapshot.blind_spots[0].kind, BlindSpotKind::kModuleFileMissing);
  EXPECT_EQ(snapshot.blind_spots[0].detail, "/none/a.so");
}

TEST(CoreTarget, SurvivesACutAtEveryByte) {
  const Bytes whole = core_with_library("/none/a.so", make_library_page("\x01"));
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 64) {
    const TemporaryFile file(
        Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    try {
      EXPECT_EQ(open_core_target(file.path(), {})->capture({}).threads.size(), 1U) << size;
    } catch (const Error& error) {
      EXPECT_LT(size, 1024U) << error.what();
    }
  }
}

}  // namespace
}  // namespace pstuck
