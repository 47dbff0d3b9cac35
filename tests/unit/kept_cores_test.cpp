#include "attach/kept_cores.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace pstuck {
namespace {

namespace fs = std::filesystem;

const std::string kBoot = "0123456789abcdef0123456789abcdef";

std::string core_name(const std::string& name, int pid, const std::string& time,
                      const std::string& ending = "") {
  return "core." + name + ".1000." + kBoot + "." + std::to_string(pid) + "." + time + ending;
}

TEST(KeptCores, AreToldByTheirNames) {
  for (const char* const ending : {"", ".zst", ".lz4", ".xz"}) {
    EXPECT_EQ(parse_kept_core(core_name("orderd", 4711, "1700000000000000", ending)),
              (KeptCore{{4711}, 1700000000000000}))
        << ending;
  }
  EXPECT_EQ(parse_kept_core(core_name("a.b c", 1, "5")), (KeptCore{{1}, 5}));
}

TEST(KeptCores, HaveNoOtherNames) {
  const std::vector<std::string> names = {"",
                                          "core",
                                          "core.4711",
                                          ".zst",
                                          "core.orderd.1000.0123.4711.17",
                                          "x" + core_name("o", 1, "5"),
                                          core_name("orderd", 4711, "17x"),
                                          core_name("orderd", 4711, "17", ".gz"),
                                          core_name("orderd", 4711, "99999999999999999999999")};
  for (const std::string& name : names) {
    EXPECT_FALSE(parse_kept_core(name)) << name;
  }
}

TEST(KeptCores, TheNewestIsFound) {
  const fs::path root = fs::temp_directory_path() / ("pstuck-kept-" + std::to_string(::getpid()));
  const fs::path directory = kept_cores_directory(root);
  EXPECT_FALSE(find_kept_core(root, {4711}));
  fs::create_directories(directory);
  const std::string newest = core_name("orderd", 4711, "300", ".zst");
  const std::vector<std::string> names = {core_name("orderd", 4711, "200"), newest,
                                          core_name("orderd", 4711, "100"),
                                          core_name("other", 12, "900")};
  for (const std::string& name : names) {
    std::ofstream(directory / name) << "core";
  }
  EXPECT_EQ(find_kept_core(root, {4711}), (directory / newest).string());
  EXPECT_FALSE(find_kept_core(root, {4712}));
  fs::remove_all(root);
}

}  // namespace
}  // namespace pstuck
