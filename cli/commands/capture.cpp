#include "cli/commands/capture.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/escape.h"
#include "cli/output.h"
#include "cli/pipeline.h"
#include "cli/trouble.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::string_view kExamples =
    R"(Exit status:
  0  the file was written
  2  trouble: wrong usage, no such process, not permitted, disk full

Examples:
  pstuck capture -o hang.pstuck 48213       save it, then restart the service
  pstuck hang.pstuck                        what was wrong, on any machine
  pstuck capture --tree 48213               the process and all its descendants
)";

/// As gcore names its files: after the process.
std::string name_of_file(const SnapshotFile& file) {
  const Snapshot& first = file.processes.front().recording.captures.front();
  std::string name = printable(first.process.name);
  for (char& c : name) c = c == '/' || c == ' ' ? '-' : c;
  return fmt::format("{}.{}.pstuck", name.empty() ? "process" : name, first.process.pid.value);
}

std::size_t count_threads(const SnapshotFile& file) {
  std::size_t threads = 0;
  for (const SavedProcess& process : file.processes) {
    threads += process.recording.captures.front().threads.size();
  }
  return threads;
}

}  // namespace

Capture::Capture()
    : Command(
          {.usage = "pstuck capture [OPTION]... TARGET...",
           .about =
               "Saves what pstuck sees of hung processes, or of a core, in one file that needs\n"
               "neither them nor their programs any more: pstuck FILE tells what was wrong.\n",
           .examples = kExamples}) {
  CLI::App& app = line().app();
  app.add_option("-o,--output", output_,
                 "the file to write (default: NAME.PID.pstuck);\n"
                 "\"-\" is standard output")
      ->type_name("FILE")
      ->group("Snapshot");
  app.add_flag("--redact", redact_,
               "leave out stacks' bytes, text in memory, arguments,\n"
               "names of users and machines; the findings stay")
      ->group("Snapshot");
  words_.add_target_options(app);
  words_.add_looking_options(app);
}

int Capture::run() {
  SnapshotFile file = new_snapshot_file();
  int status = 0;
  Options options = words_.understand(line().words());
  options.redact = redact_;
  look_and_save(
      std::move(options), [&](const Error& error) { status = report_trouble(error); }, file);
  if (file.processes.empty()) return status;
  if (output_.empty()) output_ = name_of_file(file);
  const std::string bytes = encode_snapshot_file(file);
  write_output(output_, bytes, FileAccess::kOwnerOnly);
  if (output_ != "-") {
    fmt::print(stderr, "{}: {} of {}, {}. What was wrong: pstuck {}\n", printable(output_),
               count_words(count_threads(file), "thread", "threads"),
               count_words(file.processes.size(), "process", "processes"), size_words(bytes.size()),
               shell_word(printable(output_)));
    if (redact_) {
      fmt::print(stderr,
                 "  redacted: frames cannot be unwound or named anew with better debug files\n");
    }
  }
  return status;
}

}  // namespace pstuck
