// Snapshot files: all fields are in them, and nothing that is wrong with one goes unseen.

#include "attach/snapshot_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "attach/error.h"
#include "attach/saved_recording.h"
#include "cli/pipeline.h"
#include "tests/support/temporary_file.h"

namespace pstuck {
namespace {

/// Converts to any member of an aggregate.
struct AnyMember {
  template <typename T>
  operator T() const {  // NOLINT(google-explicit-constructor): it is for initialising
    return T();
  }
};

template <typename T, typename... Members>
constexpr std::size_t count_members() {
  if constexpr (requires { T{Members{}..., AnyMember{}}; }) {
    return count_members<T, Members..., AnyMember>();
  } else {
    return sizeof...(Members);
  }
}

template <typename T>
std::size_t count_left_out() {
  return count_members<T>() - SavedJson(T{}).size();
}

TEST(SnapshotFile, HasEveryField) {
  EXPECT_EQ(count_left_out<KernelFacts>(), 0U);
  EXPECT_EQ(count_left_out<OpenFile>(), 0U);
  EXPECT_EQ(count_left_out<SocketFacts>(), 0U);
  EXPECT_EQ(count_left_out<HeldFileLock>(), 0U);
  EXPECT_EQ(count_left_out<FileUser>(), 0U);
  EXPECT_EQ(count_left_out<OtherProcess>(), 0U);
  EXPECT_EQ(count_left_out<FileToOpen>(), 0U);
  EXPECT_EQ(count_left_out<SemaphoreFacts>(), 0U);
  EXPECT_EQ(count_left_out<QueueFacts>(), 0U);
  EXPECT_EQ(count_left_out<ThreadSnapshot>(), 0U);
  EXPECT_EQ(count_left_out<Syscall>(), 0U);
  EXPECT_EQ(count_left_out<Registers>(), 0U);
  EXPECT_EQ(count_left_out<Mapping>(), 0U);
  EXPECT_EQ(count_left_out<Module>(), 0U);
  EXPECT_EQ(count_left_out<Process>(), 0U);
  EXPECT_EQ(count_left_out<ForkedFrom>(), 0U);
  EXPECT_EQ(count_left_out<CoreFacts>(), 0U);
  EXPECT_EQ(count_left_out<CrashFacts>(), 0U);
  EXPECT_EQ(count_left_out<TaskElsewhere>(), 0U);
  EXPECT_EQ(count_left_out<ThreadLook>(), 0U);
  EXPECT_EQ(count_left_out<Look>(), 0U);
  EXPECT_EQ(count_left_out<Sample>(), 0U);
  EXPECT_EQ(count_left_out<Recording>(), 0U);
  EXPECT_EQ(count_left_out<Snapshot>(), 1U) << "all but `saved`, which says where it was read";
}

SnapshotFile make_file() {
  SnapshotFile file{.written_by = "pstuck 9.8", .host = "web-1"};
  Snapshot snapshot;
  snapshot.process = {.pid = {4711}, .name = "orderd", .command_line = {"orderd", "-v\xff"}};
  ThreadSnapshot thread{.tid = {4711}, .name = "main", .state = 'S'};
  thread.registers.set(7, 0x7ffc0000);
  thread.stack = {{0x7ffc0000}, std::vector<std::byte>(4096, std::byte{0x5a})};
  thread.not_run_for = std::chrono::seconds(3);
  snapshot.threads = {thread};
  snapshot.mappings = {{.start = {0x1000}, .end = {0x2000}, .path = "/bin/orderd"}};
  snapshot.modules = {{.start = {0x1000}, .end = {0x2000}, .local_file = "/proc/1/exe"}};
  SavedProcess process;
  process.recording.captures = {snapshot};
  process.recording.memory = {{{0x5000}, {std::byte{1}, std::byte{2}}}};
  process.recording.tasks.emplace(Tid{12}, TaskElsewhere{.tid = {12}, .process = {11}});
  process.symbols = {std::byte{0xa0}};
  file.processes = {process};
  return file;
}

/// What is said of a file with these bytes; empty when it is read.
std::string complaint(const std::string& bytes) {
  const testing::TemporaryFile file(std::as_bytes(std::span(bytes)));
  try {
    read_snapshot_file(file.path());
  } catch (const Error& error) {
    EXPECT_FALSE(error.hint.empty()) << error.what();
    return error.what();
  }
  return {};
}

TEST(SnapshotFile, IsReadAsItWasWritten) {
  const SnapshotFile file = make_file();
  const std::string bytes = encode_snapshot_file(file);
  const testing::TemporaryFile saved(std::as_bytes(std::span(bytes)));
  EXPECT_TRUE(is_snapshot_file(saved.path()));
  const SnapshotFile again = read_snapshot_file(saved.path());
  ASSERT_EQ(again.processes.size(), 1U);
  SavedJson expected(file.processes[0].recording);
  expected["captures"][0]["modules"][0]["local_file"] = "";  // was the other machine's
  EXPECT_EQ(SavedJson(again.processes[0].recording), expected);
  EXPECT_EQ(again.processes[0].symbols, file.processes[0].symbols);
  EXPECT_EQ(again.host, "web-1");
}

TEST(SnapshotFile, IsRefusedWhereItIsCut) {
  const std::string bytes = encode_snapshot_file(make_file());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(complaint(bytes.substr(0, size)), "") << size;
  }
  EXPECT_EQ(complaint(bytes), "");
  EXPECT_NE(complaint(bytes + "x").find("something follows its end"), std::string::npos);
}

// Bits that mean nothing to zstd may have any value: what is read is what was written, then.
TEST(SnapshotFile, IsNeverReadAsSomethingElse) {
  const SavedJson written(make_file().processes[0].recording);
  const std::string bytes = encode_snapshot_file(make_file());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string altered = bytes;
    altered[at] = static_cast<char>(altered[at] ^ 0x10);
    const testing::TemporaryFile file(std::as_bytes(std::span(altered)));
    try {
      SavedJson read(read_snapshot_file(file.path()).processes[0].recording);
      read["captures"][0]["modules"][0]["local_file"] = "/proc/1/exe";
      EXPECT_EQ(read, written) << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::kUnreadable) << at;
    }
  }
}

TEST(SnapshotFile, OfTheFutureIsRefused) {
  SnapshotFile file = make_file();
  file.version = SnapshotFile::kVersion + 1;
  EXPECT_NE(complaint(encode_snapshot_file(file)).find("was written by pstuck 9.8"),
            std::string::npos);
}

// One for each version that there was.
TEST(SnapshotFile, OfEveryVersionIsRead) {
  for (std::uint32_t version = 1; version <= SnapshotFile::kVersion; ++version) {
    const std::string path =
        fmt::format("{}/tests/snapshots/version_{}.pstuck", PSTUCK_SOURCE_DIR, version);
    const Reports reports = look_at_saved(read_snapshot_file(path), path, {});
    std::ostringstream text;
    render(reports, Format::kText, {}, text);
    EXPECT_NE(text.str().find("2 threads wait for each other"), std::string::npos) << text.str();
    EXPECT_NE(text.str().find("holds g_router.mu_  taken in Router::dispatch"), std::string::npos)
        << text.str();
  }
}

TEST(SnapshotFile, HasAProcess) {
  SnapshotFile file = make_file();
  file.processes.clear();
  EXPECT_NE(complaint(encode_snapshot_file(file)).find("it has no process"), std::string::npos);
}

TEST(SnapshotFile, HasNoItemsNestedForEver) {
  const std::string heads(100000, '\x81');
  EXPECT_THROW(parse_saved(std::as_bytes(std::span(heads))), SavedJson::exception);
}

TEST(SnapshotFile, IsDescribed) {
  std::ifstream stream(std::string(PSTUCK_SOURCE_DIR) + "/attach/snapshot_file.cddl");
  const std::string schema{std::istreambuf_iterator<char>(stream), {}};
  std::function<void(const SavedJson&)> check = [&](const SavedJson& item) {
    if (!item.is_structured()) return;
    for (const auto& [key, value] : item.items()) {
      if (item.is_object()) {
        EXPECT_NE(schema.find("\n  " + key + ": "), std::string::npos) << key;
      }
      check(value);
    }
  };
  check(SavedJson(make_file().processes[0].recording));
  check(SavedJson(KernelFacts{.files = {OpenFile{.socket = SocketFacts{}}},
                              .users = {{}},
                              .locks = {{}},
                              .to_open = {{}},
                              .semaphores = {{}},
                              .queues = {{}},
                              .processes = {{}}}));
}

}  // namespace
}  // namespace pstuck
