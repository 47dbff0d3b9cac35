#include "cli/commands/triage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>

#include "attach/error.h"
#include "cli/escape.h"
#include "cli/option_values.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/triage/artifact.h"
#include "cli/triage/workers.h"
#include "cli/words.h"

namespace pstuck {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExamples =
    R"(Exit status:
  0  artifacts were read
  2  trouble: wrong usage, unreadable directory, nothing to read in it

Examples:
  pstuck triage hangs/                      which hangs there are, newest first
  pstuck triage --format jsonl hangs/ > hangs.jsonl
                                            a line for each, for sqlite3, DuckDB
                                            or Spark
)";
constexpr std::size_t kWidth = 200;
constexpr std::size_t kShownNames = 3;
constexpr std::size_t kShownErrors = 5;

enum class TriageFormat { kText, kJsonLines };

/// Artifacts with one signature.
struct Group {
  std::vector<const Artifact*> artifacts;  ///< newest first
  std::set<std::string> processes;
  std::set<std::string> hosts;
};

/// The regular files of a directory and below it, or the file itself; sorted. Throws Error.
std::vector<std::string> list_files(const std::vector<std::string>& places) {
  std::vector<std::string> files;
  for (const std::string& place : places) {
    try {
      if (!fs::exists(place)) {
        throw Error(ErrorKind::kUnreadable, fmt::format("there is no {}", place),
                    "pass a directory with reports, snapshots or cores");
      }
      if (!fs::is_directory(place)) {
        files.push_back(place);
        continue;
      }
      for (const auto& entry : fs::recursive_directory_iterator(place)) {
        if (entry.is_regular_file()) files.push_back(entry.path().string());
      }
    } catch (const fs::filesystem_error& error) {
      throw Error(ErrorKind::kUnreadable,
                  fmt::format("cannot read {}: {}", place, error.code().message()),
                  "try sudo, or another directory");
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Artifact> read_all(const std::vector<std::string>& files, const Options& options) {
  Progress progress;
  const std::vector<std::string> lines = run_in_workers(
      files.size(), [&](std::size_t i) { return line_of(read_artifact(files[i], options)); },
      progress.step("files read"));
  std::vector<Artifact> artifacts;
  for (std::size_t i = 0; i < files.size(); ++i) {
    artifacts.push_back(parse_artifact(lines[i]).value_or(
        Artifact{.path = files[i], .kind = "core", .error = "pstuck failed, or took too long"}));
  }
  return artifacts;
}

std::vector<Group> group_by_signature(const std::vector<Artifact>& artifacts) {
  std::map<std::string, Group> by_id;
  for (const Artifact& artifact : artifacts) {
    if (!artifact.signature) continue;
    Group& group = by_id[artifact.signature->id];
    group.artifacts.push_back(&artifact);
    group.processes.insert(artifact.process);
    if (!artifact.host.empty()) group.hosts.insert(artifact.host);
  }
  std::vector<Group> groups;
  for (auto& [id, group] : by_id) {
    std::ranges::stable_sort(group.artifacts, std::ranges::greater(), &Artifact::time_s);
    groups.push_back(std::move(group));
  }
  std::ranges::stable_sort(groups, std::ranges::greater(),
                           [](const Group& group) { return group.artifacts.front()->time_s; });
  return groups;
}

std::string first_names(const std::set<std::string>& names) {
  std::vector<std::string> shown;
  for (const std::string& name : names) {
    if (shown.size() == kShownNames) {
      shown.push_back(fmt::format("{} more", names.size() - kShownNames));
      break;
    }
    shown.push_back(printable(name, kWidth));
  }
  return joined(shown, ", ");
}

std::string date_of(const Artifact& artifact) {
  return date_words(std::chrono::seconds(artifact.time_s));
}

void write_group(const Group& group, std::string& text) {
  const Artifact& newest = *group.artifacts.front();
  const HangSignature& signature = *newest.signature;
  text += fmt::format("\n{:>6} × {}  {}\n", group.artifacts.size(),
                      printable(signature.kind, kWidth), printable(signature.id, kWidth));
  text += fmt::format("         {}\n", printable(signature.words, kWidth));
  text +=
      fmt::format("         {}{}{}, {}\n", first_names(group.processes),
                  group.hosts.empty() ? "" : " on ", first_names(group.hosts),
                  group.artifacts.size() == 1
                      ? date_of(newest)
                      : fmt::format("{} to {}", date_of(*group.artifacts.back()), date_of(newest)));
  text += fmt::format("         pstuck {}\n", shell_word(printable(newest.path, kWidth)));
}

std::string text_of(const std::vector<Artifact>& artifacts) {
  const std::vector<Group> groups = group_by_signature(artifacts);
  std::size_t calm = 0;
  std::size_t others = 0;
  std::vector<const Artifact*> unread;
  for (const Artifact& artifact : artifacts) {
    if (artifact.kind.empty()) {
      ++others;
    } else if (!artifact.error.empty()) {
      unread.push_back(&artifact);
    } else if (!artifact.signature) {
      ++calm;
    }
  }
  std::string text =
      fmt::format("{} in {}\n", count_words(groups.size(), "hang", "different hangs"),
                  count_words(artifacts.size() - others, "artifact", "artifacts"));
  for (const Group& group : groups) write_group(group, text);
  if (calm > 0) text += fmt::format("\nIn {} nobody is held up.\n", calm);
  if (others > 0) {
    text += fmt::format("\n{} no reports, snapshots or cores.\n",
                        count_words(others, "file is", "files are"));
  }
  if (!unread.empty()) text += fmt::format("\n{} could not be read:\n", unread.size());
  for (std::size_t i = 0; i < unread.size() && i < kShownErrors; ++i) {
    text += fmt::format("  {}: {}\n", printable(unread[i]->path, kWidth),
                        printable(unread[i]->error, kWidth));
  }
  if (unread.size() > kShownErrors)
    text += fmt::format("  … {} more\n", unread.size() - kShownErrors);
  return text;
}

std::string lines_of(const std::vector<Artifact>& artifacts) {
  std::string text;
  for (const Artifact& artifact : artifacts) {
    if (!artifact.kind.empty()) text += line_of(artifact) + "\n";
  }
  return text;
}

}  // namespace

Triage::Triage()
    : Command({.usage = "pstuck triage [OPTION]... DIR...",
               .about =
                   "Groups the reports (--format json), snapshots and cores in directories by\n"
                   "what hangs: by the functions and locks of the cycle or the root blocker.\n",
               .examples = kExamples}) {
  CLI::App& app = line().app();
  app.add_option("--format", format_,
                 "text, or jsonl: a line of JSON for each artifact\n"
                 "(default: text)")
      ->type_name("FORMAT")
      ->group("Triage");
  app.add_option("-o,--output", output_, "write to FILE, not to standard output")
      ->type_name("FILE")
      ->group("Triage");
  app.add_option("--exe", executable_, "the program of the cores, where it is not found")
      ->type_name("FILE")
      ->group("Triage");
}

int Triage::run() {
  constexpr std::array kFormats{std::pair{std::string_view("text"), TriageFormat::kText},
                                std::pair{std::string_view("jsonl"), TriageFormat::kJsonLines}};
  const TriageFormat format = parse_choice("--format", format_, kFormats);
  if (line().words().empty()) refuse("no DIR was given", "see pstuck triage --help");
  Options options;
  options.executable = executable_;
  const std::vector<Artifact> artifacts = read_all(list_files(line().words()), options);
  if (std::ranges::all_of(artifacts, &std::string::empty, &Artifact::kind)) {
    throw Error(ErrorKind::kUnreadable, "there are no reports, snapshots or cores",
                "make some: pstuck capture PID, or pstuck --format json -o FILE PID");
  }
  write_output(output_, format == TriageFormat::kText ? text_of(artifacts) : lines_of(artifacts));
  return 0;
}

}  // namespace pstuck
