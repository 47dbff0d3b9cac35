// What must not be in a redacted snapshot, and what must stay.

#include "attach/redact.h"

#include <gtest/gtest.h>

#include "attach/saved_recording.h"

namespace pstuck {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

/// A redacted file with one process.
class Redact : public ::testing::Test {
 protected:
  Redact() {
    file_.host = "db-7";
    file_.processes.resize(1);
    snapshot().process.command_line = {"/home/alice/bin/orderd", "--password=hunter2"};
    snapshot().threads.resize(1);
    snapshot().threads[0].stack = {{0x1000}, bytes_of("HOME=/home/alice")};
  }

  Snapshot& snapshot() {
    auto& captures = file_.processes[0].recording.captures;
    if (captures.empty()) captures.emplace_back();
    return captures[0];
  }

  /// All of the file that a reader could look for text in.
  std::string text() { return SavedJson(file_.processes[0].recording).dump(); }

  SnapshotFile file_;
};

TEST_F(Redact, LeavesNoStackBytesAndArguments) {
  redact(file_);
  EXPECT_TRUE(snapshot().threads[0].stack.bytes.empty());
  EXPECT_EQ(snapshot().process.command_line.size(), 1U);
  EXPECT_EQ(text().find("hunter2"), std::string::npos);
  EXPECT_TRUE(file_.redacted);
}

TEST_F(Redact, GivesUsersAndTheMachineOtherNamesEverywhere) {
  snapshot().kernel.files = {{.path = "/tmp/alice.lock"}, {.path = "/srv/malice/db-7.sock"}};
  redact(file_);
  EXPECT_EQ(snapshot().process.command_line[0], "/home/user-2/bin/orderd");
  EXPECT_EQ(snapshot().kernel.files[0].path, "/tmp/user-2.lock");
  EXPECT_EQ(snapshot().kernel.files[1].path, "/srv/malice/this-host.sock");
  EXPECT_TRUE(file_.host.empty());
}

TEST_F(Redact, GivesOneAddressOneName) {
  for (const char* const remote : {"10.0.0.7:5432", "[fe80::1]:80", "10.0.0.7:22"}) {
    snapshot().kernel.files.push_back(
        {.socket = SocketFacts{.local = "127.0.0.1:40000", .remote = remote}});
  }
  snapshot().kernel.files.push_back({.socket = SocketFacts{.local = "/run/x:1.sock"}});
  redact(file_);
  const auto& files = snapshot().kernel.files;
  EXPECT_EQ(files[0].socket->remote, "host-1:5432");
  EXPECT_EQ(files[1].socket->remote, "host-2:80");
  EXPECT_EQ(files[2].socket->remote, "host-1:22");
  EXPECT_EQ(files[0].socket->local, "127.0.0.1:40000");
  EXPECT_EQ(files[3].socket->local, "/run/x:1.sock");
}

TEST_F(Redact, LeavesWordsAndNoTextInMemory) {
  const std::uint64_t pointer = 0x555555756a6b;  // six bytes that are letters
  std::vector<std::byte> word(sizeof pointer);
  std::memcpy(word.data(), &pointer, sizeof pointer);
  file_.processes[0].recording.memory = {{{0x1000}, word},
                                         {{0x2000}, bytes_of("\1TOKEN=s3cret\2")}};
  redact(file_);
  EXPECT_EQ(file_.processes[0].recording.memory[0].bytes, word);
  EXPECT_EQ(file_.processes[0].recording.memory[1].bytes,
            bytes_of(std::string_view("\1\0\0\0\0\0\0\0\0\0\0\0\0\2", 14)));
}

TEST_F(Redact, ReachesTheNamesOfTheProgramsFiles) {
  const auto symbols = SavedJson::to_cbor(SavedJson{{"file", "/home/alice/src/a.cpp"}});
  const auto view = std::as_bytes(std::span(symbols));
  file_.processes[0].symbols.assign(view.begin(), view.end());
  redact(file_);
  EXPECT_EQ(parse_saved(file_.processes[0].symbols).at("file"), "/home/user-2/src/a.cpp");
}

}  // namespace
}  // namespace pstuck
