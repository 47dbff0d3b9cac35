#include "cli/run/artifacts.h"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <functional>
#include <numeric>
#include <sstream>
#include <utility>

#include "cli/across_sentences.h"
#include "cli/renderers.h"
#include "cli/trouble.h"

namespace pstuck {
namespace {

void write_text(const Reports& reports, std::ostream& out) {
  render(reports, Format::kText, {}, out);
}

void write_threads(const Reports& reports, std::ostream& out) {
  render(reports, Format::kText, {.all_threads = true}, out);
}

void write_document(const Reports& reports, std::ostream& out) { render_json(reports, out); }

/// Of the processes that hang; those that only wait for them have nothing to tell there.
void write_postmortem(const Reports& reports, std::ostream& out) {
  bool is_first = true;
  for (const ProcessIndex process : find_hanging(reports)) {
    out << (std::exchange(is_first, false) ? "" : "\n---\n\n");
    render_postmortem(reports, process, out);
  }
}

std::string time_words() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc)};
}

struct Row {
  const char* name;
  void (*write)(const Reports&, std::ostream&);
};

constexpr std::array kFiles{
    Row{"report.txt", write_text},
    Row{"report.json", write_document},
    Row{"threads.txt", write_threads},
    Row{"postmortem.md", write_postmortem},
};

}  // namespace

Artifacts::Artifacts(std::string directory) : directory_(std::move(directory)) {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (std::filesystem::is_directory(directory_)) return;
  throw Error(ErrorKind::kOutput,
              fmt::format("cannot make the directory {}: {}", directory_, error.message()),
              "choose another directory with --artifacts DIR");
}

std::string Artifacts::path(std::string_view name) const {
  return fmt::format("{}/{}", directory_, name);
}

void Artifacts::write(const std::string& name, const std::string& text, FileAccess access) {
  write_output(path(name), text, access);
  add(name);
}

std::string expand_name(std::string_view pattern, std::string_view program, Tid process) {
  const std::string_view base = program.substr(program.rfind('/') + 1);
  std::string name;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (pattern[i] != '%' || next == '\0' ||
        std::string_view("npt%").find(next) == std::string_view::npos) {
      name += pattern[i];
      continue;
    }
    if (next == 'n') name += base;
    if (next == 't') name += time_words();
    if (next == 'p') name += std::to_string(process.value);
    if (next == '%') name += '%';
    ++i;
  }
  return name;
}

void write_reports(const Reports& reports, const SnapshotFile& snapshot, Artifacts& artifacts) {
  const auto attempt = [](const std::function<void()>& write) {
    try {
      write();
    } catch (const Error& error) {
      report_trouble(error);
    }
  };
  for (const Row& file : kFiles) {
    attempt([&] {
      std::ostringstream text;
      file.write(reports, text);
      artifacts.write(file.name, std::move(text).str());
    });
  }
  // The bytes of stacks can be secrets.
  attempt([&] {
    artifacts.write("hang.pstuck", encode_snapshot_file(snapshot), FileAccess::kOwnerOnly);
  });
}

std::vector<ProcessIndex> find_hanging(const Reports& reports) {
  std::vector<ProcessIndex> all(reports.targets.size());
  std::iota(all.begin(), all.end(), ProcessIndex{0});
  std::vector<ProcessIndex> hanging = all;
  std::erase_if(hanging, [&](ProcessIndex i) {
    return reports.targets[i].diagnosis.findings.empty() && cycles_with(reports.across, i).empty();
  });
  return hanging.empty() ? all : hanging;
}

}  // namespace pstuck
