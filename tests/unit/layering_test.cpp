// Includes go leftwards only, attach ← symbolize ← analyzers ← cli, and libdw's and libelf's
// headers stay inside the sources that need them.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace pstuck {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 4> kFolders = {"attach", "symbolize", "analyzers", "cli"};

struct Include {
  std::string in;      ///< file, from the root
  std::string header;  ///< as it stands there
};

std::vector<Include> list_includes(const std::string& folder) {
  static const std::regex pattern(R"(^\s*#\s*include\s*["<]([^">]+)[">])");
  const fs::path root = PSTUCK_SOURCE_DIR;
  std::vector<Include> includes;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    const std::string kind = entry.path().extension().string();
    if (kind != ".h" && kind != ".cpp") continue;
    std::ifstream file(entry.path());
    std::smatch match;
    for (std::string line; std::getline(file, line);) {
      if (!std::regex_search(line, match, pattern)) continue;
      includes.push_back({fs::relative(entry.path(), root).string(), match[1].str()});
    }
  }
  return includes;
}

TEST(Layering, IncludesGoLeftwardsOnly) {
  for (auto own = kFolders.begin(); own != kFolders.end(); ++own) {
    for (const Include& include : list_includes(*own)) {
      const std::string folder = include.header.substr(0, include.header.find('/'));
      const auto included = std::find(kFolders.begin(), kFolders.end(), folder);
      const bool rightwards = included != kFolders.end() && included > own;
      EXPECT_FALSE(rightwards) << include.in << " includes " << include.header;
      EXPECT_NE(folder, "tests") << include.in << " includes " << include.header;
    }
  }
}

TEST(Layering, NoHeaderIncludesElfutils) {
  static const std::regex elfutils(R"(^(elfutils/.*|libelf\.h|gelf\.h|dwarf\.h)$)");
  for (const char* folder : kFolders) {
    for (const Include& include : list_includes(folder)) {
      if (!include.in.ends_with(".h")) continue;
      EXPECT_FALSE(std::regex_match(include.header, elfutils))
          << include.in << " includes " << include.header;
    }
  }
}

TEST(Layering, TheModelIncludesOnlyTheStandardLibrary) {
  const std::set<std::string> model = {"attach/snapshot.h", "attach/kernel_facts.h",
                                       "attach/ids.h"};
  for (const Include& include : list_includes("attach")) {
    if (!model.contains(include.in) || model.contains(include.header)) continue;
    EXPECT_EQ(include.header.find_first_of("/."), std::string::npos) << include.header;
  }
}

}  // namespace
}  // namespace pstuck
