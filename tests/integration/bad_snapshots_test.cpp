// What can go wrong with a snapshot on its way to the disk and back: a clear sentence, status 2,
// and never a file that looks whole and is not.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/sample_run.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class BadSnapshot : public ::testing::Test {
 protected:
  ~BadSnapshot() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }

  std::string write_file(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

  [[nodiscard]] Outcome capture(const std::string& name) const {
    return run(pstuck_command({"capture", "-o", path(name), sample_.target()}));
  }

  fs::path directory_ = make_test_directory();
  SampleRun sample_{{"router_and_cache", ""}};
};

TEST_F(BadSnapshot, IsWrittenForItsOwnerOnly) {
  ASSERT_EQ(capture("hang").status, 0);
  struct stat facts {};
  ASSERT_EQ(stat(path("hang").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(BadSnapshot, CutOrAlteredIsRefused) {
  ASSERT_EQ(capture("hang").status, 0);
  const std::string bytes = read_file(path("hang"));
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{24}, bytes.size() / 2, bytes.size() - 1}) {
    const Outcome outcome = run(pstuck_command({write_file("cut", bytes.substr(0, size))}));
    EXPECT_EQ(outcome.status, 2) << size;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 2) << outcome.err;
  }
  std::string altered = bytes;
  altered[bytes.size() / 2] = static_cast<char>(~altered[bytes.size() / 2]);
  const Outcome outcome = run(pstuck_command({write_file("altered", altered)}));
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("is damaged"), std::string::npos) << outcome.err;
}

TEST_F(BadSnapshot, IsLookedAtAlone) {
  ASSERT_EQ(capture("hang").status, 0);
  const Outcome outcome = run(pstuck_command({path("hang"), sample_.target()}));
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("is looked at alone"), std::string::npos) << outcome.err;
}

TEST_F(BadSnapshot, OnAFullDiskLeavesTheOldFile) {
  const std::string script =
      "mount -t tmpfs -o size=16k none \"$1\" && echo old > \"$1/hang\" && "
      "head -c 12000 /dev/zero > \"$1/filler\" && "
      "\"$2\" capture -o \"$1/hang\" \"$3\"; echo \"status $?\"; cat \"$1/hang\"; ls \"$1\"";
  const Command command = {
      "unshare",     "--mount",       "sh", "-c", script, "sh", directory_.string(),
      PSTUCK_BINARY, sample_.target()};
  if (run({"unshare", "--mount", "true"}).status != 0) {
    GTEST_SKIP() << "mount namespaces are not permitted here";
  }
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.out, "status 2\nold\nfiller\nhang\n") << outcome.err;
  EXPECT_NE(outcome.err.find("No space left on device"), std::string::npos) << outcome.err;
}

TEST_F(BadSnapshot, KilledWhileItIsWrittenIsNotThereOrWhole) {
  constexpr int kTries = 30;
  int whole = 0;
  for (int i = 0; i < kTries; ++i) {
    fs::remove(path("hang"));
    Subprocess writer(pstuck_command({"capture", "-o", path("hang"), sample_.target()}));
    // Ever later: as long as some of the thread's looks, then as long as all of it.
    std::this_thread::sleep_for(std::chrono::milliseconds(2 * i));
    writer.kill_now();
    writer.finish();
    if (!fs::exists(path("hang"))) continue;
    ++whole;
    EXPECT_EQ(run(pstuck_command({path("hang")})).status, 0) << i;
  }
  EXPECT_EQ(capture("hang").status, 0) << "after " << whole << " were whole";
  EXPECT_EQ(run(pstuck_command({path("hang")})).status, 0);
}

}  // namespace
}  // namespace pstuck::testing
