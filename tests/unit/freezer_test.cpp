// Whether a process is frozen with its control group, of both versions.

#include "attach/freezer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace pstuck {
namespace {

namespace fs = std::filesystem;

/// A process in the group /shop, and where its control groups can be seen.
class Freezer : public ::testing::Test {
 protected:
  Freezer() : top_(fs::temp_directory_path() / fmt::format("pstuck-test-{}", ::getpid())) {
    write("first/freezer/shop/freezer.state", "THAWED\n");
    write("second/shop/cgroup.events", "populated 1\nfrozen 0\n");
    write("mountinfo", fmt::format("40 1 0:30 / {0}/first/freezer rw - cgroup cgroup rw,freezer\n"
                                   "41 1 0:31 / {0}/second rw - cgroup2 cgroup2 rw\n",
                                   top_.string()));
    write("cgroup", "6:freezer:/shop\n5:cpu:/\n0::/shop\n");
  }
  ~Freezer() override { fs::remove_all(top_); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((top_ / path).parent_path());
    std::ofstream(top_ / path) << text;
  }
  [[nodiscard]] std::string find() const {
    const ProcDirectory directory(top_.string());
    return find_frozen_group(directory, directory);
  }

  fs::path top_;
};

TEST_F(Freezer, OfBothVersionsTellsWhetherAGroupIsFrozen) {
  EXPECT_EQ(find(), "");
  write("second/shop/cgroup.events", "populated 1\nfrozen 1\n");
  EXPECT_EQ(find(), "/shop");
  write("second/shop/cgroup.events", "populated 1\nfrozen 0\n");
  write("first/freezer/shop/freezer.state", "FROZEN\n");
  EXPECT_EQ(find(), "/shop");
  write("first/freezer/shop/freezer.state", "FREEZING\n");
  EXPECT_EQ(find(), "/shop");
}

TEST_F(Freezer, AGroupThatPstuckCannotSeeIsNotKnown) {
  write("second/cgroup.events", "frozen 1\n");
  write("cgroup", "0::/../second\n");
  EXPECT_EQ(find(), "");
  write("cgroup", "");
  EXPECT_EQ(find(), "");
}

}  // namespace
}  // namespace pstuck
