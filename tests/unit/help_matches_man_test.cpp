// --help, the man page, the completions and README speak of the same options.

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>

#include "cli/commands.h"

namespace pstuck {
namespace {

using Names = std::set<std::string>;

std::string read_source(const std::string& path) {
  std::ifstream file(std::string(PSTUCK_SOURCE_DIR) + "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Of all commands.
std::string help() {
  std::string text;
  for (const CommandRow& command : list_commands()) text += command.make()->line().help();
  return text;
}

Names find_names(const std::string& text, const std::regex& pattern) {
  Names names;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) {
    names.insert((*it)[1].str());
  }
  return names;
}

Names long_names(const std::string& text) {
  static const std::regex kLong("(--[a-z][a-z-]*[a-z])");
  return find_names(text, kLong);
}

Names short_names(const std::string& text) {
  static const std::regex kShort("(?:^|[ ({,|'])(-[a-z])(?=[,+} |])");
  return find_names(text, kShort);
}

Names short_names_of_help() {
  static const std::regex kWithLongName("\n  (-[a-z]), --");
  return find_names(help(), kWithLongName);
}

/// The man page as it is read: "\-" is a minus, and a request at the start of a line is no text.
std::string man_page() {
  std::string text = std::regex_replace(read_source("cli/pstuck.1"), std::regex("\\\\-"), "-");
  return std::regex_replace(text, std::regex("\n\\.\\\\\"[^\n]*"), "");
}

TEST(Help, NamesTheOptionsOfTheManPage) {
  const std::string page = man_page();
  ASSERT_FALSE(page.empty());
  EXPECT_EQ(long_names(help()), long_names(page.substr(page.find(".SH OPTIONS"))));
  for (const std::string& name : short_names_of_help()) {
    EXPECT_NE(page.find(".BR " + name + " "), std::string::npos) << name;
  }
}

TEST(Help, NamesTheOptionsOfTheCompletions) {
  for (const char* const path : {"cli/completions/pstuck.bash", "cli/completions/_pstuck"}) {
    const std::string text = read_source(path);
    ASSERT_FALSE(text.empty()) << path;
    EXPECT_EQ(long_names(help()), long_names(text)) << path;
    for (const std::string& name : short_names_of_help()) {
      EXPECT_TRUE(short_names(text).contains(name)) << path << " lacks " << name;
    }
  }
}

TEST(Help, KnowsTheOptionsOfTheReadme) {
  const std::string text = read_source("README.md");
  if (text.empty()) GTEST_SKIP() << "no README.md yet";
  static const std::regex kCommand("`((?:pstuck |--)[^`]*)`");
  for (const std::string& command : find_names(text, kCommand)) {
    for (const std::string& name : long_names(command)) {
      EXPECT_TRUE(long_names(help()).contains(name)) << command;
    }
  }
}

}  // namespace
}  // namespace pstuck
