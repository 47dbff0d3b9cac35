// The names of the files behind named semaphores, looked up in a directory like /dev/shm.

#include "attach/semaphore_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace pstuck {
namespace {

class SemaphoreFiles : public ::testing::Test {
 protected:
  SemaphoreFiles() {
    std::string pattern = ::testing::TempDir() + "pstuck-shm-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) directory_ = pattern;
  }
  ~SemaphoreFiles() override { std::filesystem::remove_all(directory_); }

  /// Its inode.
  std::uint64_t create(const std::string& name) {
    std::ofstream file(directory_ / name);
    struct stat facts {};
    return ::stat((directory_ / name).c_str(), &facts) == 0 ? facts.st_ino : 0;
  }

  /// As it is after the look-up.
  [[nodiscard]] Mapping find(std::uint64_t inode, const std::string& path, bool deleted) const {
    std::vector<Mapping> mappings = {
        {.inode = inode, .shared = true, .deleted = deleted, .path = path}};
    find_semaphore_files(directory_, mappings);
    return mappings.front();
  }

  std::filesystem::path directory_;
};

TEST_F(SemaphoreFiles, AreFoundByTheirCreator) {
  create("sem.others");
  const Mapping mapping = find(create("sem.jobs"), "/dev/shm/sem.A5OyV2", true);
  EXPECT_EQ(mapping.path, "/dev/shm/sem.jobs");
  EXPECT_FALSE(mapping.deleted);
}

TEST_F(SemaphoreFiles, ThatWereUnlinkedHaveNoName) {
  const std::uint64_t inode = create("sem.jobs");
  create("sem.others");
  std::filesystem::remove(directory_ / "sem.jobs");
  EXPECT_TRUE(find(inode, "/dev/shm/sem.A5OyV2", true).deleted);
}

TEST_F(SemaphoreFiles, ThatAreJustBeingCreatedHaveNoName) {
  const std::uint64_t inode = create("sem.A5OyV2");
  std::filesystem::create_hard_link(directory_ / "sem.A5OyV2", directory_ / "sem.jobs");
  EXPECT_TRUE(find(inode, "/dev/shm/sem.A5OyV2", false).deleted);
}

TEST_F(SemaphoreFiles, AreLeftAloneWhereNothingCanBeRead) {
  const std::uint64_t inode = create("sem.jobs");
  std::filesystem::remove_all(directory_);
  const Mapping mapping = find(inode, "/dev/shm/sem.jobs", false);
  EXPECT_EQ(mapping.path, "/dev/shm/sem.jobs");
  EXPECT_FALSE(mapping.deleted);
}

TEST_F(SemaphoreFiles, AreNoOtherFiles) {
  const std::uint64_t inode = create("sem.jobs");
  EXPECT_EQ(find(inode, "/dev/shm/queue", true).path, "/dev/shm/queue");
  EXPECT_EQ(find(inode, "/tmp/sem.A5OyV2", true).path, "/tmp/sem.A5OyV2");
}

}  // namespace
}  // namespace pstuck
