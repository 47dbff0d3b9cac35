// What a process would open by a path, found without waiting for any file server.

#include "attach/local_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace pstuck {
namespace {

namespace fs = std::filesystem;

class LocalFiles : public ::testing::Test {
 protected:
  LocalFiles() : top_(fs::temp_directory_path() / fmt::format("pstuck-test-{}", ::getpid())) {
    fs::create_directories(top_ / "a/b");
    EXPECT_EQ(::mkfifo((top_ / "a/fifo").c_str(), 0600), 0);
  }
  ~LocalFiles() override { fs::remove_all(top_); }

  static std::optional<ino_t> find(const std::string& path, const std::string& start = "cwd") {
    Mounts mounts;
    const auto found = find_local_file(ProcDirectory("/proc/self"), start, path, mounts);
    return found ? std::optional(found->st_ino) : std::nullopt;
  }
  [[nodiscard]] std::string at(const std::string& path) const { return (top_ / path).string(); }
  [[nodiscard]] std::optional<ino_t> fifo() const {
    struct stat facts {};
    EXPECT_EQ(::stat(at("a/fifo").c_str(), &facts), 0);
    return facts.st_ino;
  }

  fs::path top_;
};

TEST_F(LocalFiles, AreFoundByTheirPaths) {
  EXPECT_EQ(find(at("a/fifo")), fifo());
  EXPECT_EQ(find(at(".//a/./b/../fifo")), fifo());
  EXPECT_EQ(find("/../../../../.." + at("a/fifo")), fifo()) << "nothing is above the root";
  EXPECT_EQ(find(at("a/none")), std::nullopt);
  EXPECT_EQ(find(at("a/fifo/x")), std::nullopt);
  EXPECT_EQ(find(""), std::nullopt);
}

TEST_F(LocalFiles, RelativePathsBeginAtADirectory) {
  const Descriptor directory(::open(at("a/b").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string start = fmt::format("fd/{}", directory.get());
  EXPECT_EQ(find("../fifo", start), fifo());
  EXPECT_EQ(find("fifo", start), std::nullopt);
}

TEST_F(LocalFiles, LinksAreFollowed) {
  fs::create_symlink("fifo", at("a/near"));
  fs::create_symlink(at("a"), at("far"));
  fs::create_symlink("loop", at("loop"));
  EXPECT_EQ(find(at("a/near")), fifo());
  EXPECT_EQ(find(at("far/near")), fifo());
  EXPECT_EQ(find(at("loop")), std::nullopt);
}

TEST_F(LocalFiles, NothingIsLookedForInProc) {
  EXPECT_EQ(find("/proc/self/exe"), std::nullopt) << "it would be pstuck's own";
  EXPECT_EQ(find("/proc/../proc/version"), std::nullopt);
}

}  // namespace
}  // namespace pstuck
