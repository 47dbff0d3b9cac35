// Every hand-made report in every format, byte for byte. PSTUCK_UPDATE_GOLDEN=1 rewrites the files.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/golden/reports.h"

namespace pstuck::golden {
namespace {

namespace fs = std::filesystem;

struct Style {
  const char* name;
  const char* suffix;
  Format format;
  RenderOptions options;
};

const Style kStyles[] = {
    {"text", ".txt", Format::kText, {}},
    {"threads", ".threads.txt", Format::kText, {.all_threads = true}},
    {"json", ".json", Format::kJson, {}},
    {"postmortem", ".md", Format::kPostmortem, {}},
};

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// A golden file outlives a change of the version.
std::string without_version(std::string text) {
  for (const std::string_view before : {"\"pstuck_version\": \"", "\npstuck "}) {
    const std::size_t at = text.find(before);
    if (at == std::string::npos) continue;
    const std::size_t from = at + before.size();
    text.replace(from, text.find_first_of("\" ", from) - from, "VERSION");
  }
  return text;
}

std::string rendered(const NamedReports& named, const Style& style) {
  std::ostringstream out;
  render(named.reports, style.format, style.options, out);
  return without_version(out.str());
}

std::string difference(const fs::path& golden, const std::string& text) {
  std::string path = fs::temp_directory_path() / "pstuck-golden-XXXXXX";
  const int file = mkstemp(path.data());
  if (file < 0) return text;
  close(file);
  write_file(path, text);
  const std::string command = "diff -u '" + golden.string() + "' '" + path + "'";
  std::string output;
  if (FILE* pipe = popen(command.c_str(), "r")) {
    char buffer[4096];
    while (const std::size_t size = fread(buffer, 1, sizeof buffer, pipe)) {
      output.append(buffer, size);
    }
    pclose(pipe);
  }
  fs::remove(path);
  return output.empty() ? text : output;
}

class Golden : public testing::TestWithParam<Style> {};

TEST_P(Golden, ReportsLookAsTheyDid) {
  const fs::path directory = fs::path(PSTUCK_SOURCE_DIR) / "tests/golden";
  for (const NamedReports& named : all_reports()) {
    const fs::path path = directory / (named.name + GetParam().suffix);
    const std::string text = rendered(named, GetParam());
    if (getenv("PSTUCK_UPDATE_GOLDEN") != nullptr) write_file(path, text);
    if (read_file(path) == text) continue;
    ADD_FAILURE() << difference(path, text) << "PSTUCK_UPDATE_GOLDEN=1 rewrites " << path;
  }
}

TEST_P(Golden, TheSameReportsGiveTheSameBytes) {
  for (const NamedReports& named : all_reports()) {
    EXPECT_EQ(rendered(named, GetParam()), rendered(named, GetParam())) << named.name;
  }
}

INSTANTIATE_TEST_SUITE_P(, Golden, testing::ValuesIn(kStyles),
                         [](const auto& style) { return std::string(style.param.name); });

}  // namespace
}  // namespace pstuck::golden
