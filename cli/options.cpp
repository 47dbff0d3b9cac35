#include "cli/options.h"

#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "attach/error.h"
#include "attach/kept_cores.h"
#include "cli/option_values.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostSamples = 1000;
constexpr std::chrono::milliseconds kLongestInterval = std::chrono::hours(1);
constexpr std::size_t kMostStackBytes = std::size_t{1} << 30;

std::optional<std::size_t> parse_samples(const std::string& word) {
  if (word.empty()) return {};
  const std::string hint = fmt::format("it is a number from 1 to {}", kMostSamples);
  const std::size_t samples = parse_count("--samples", word, hint);
  if (samples < 1 || samples > kMostSamples) refuse_value("--samples", word, hint);
  return samples;
}

/// One that is misspelt would be as if it were not given.
void check_directory(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return;
  refuse(fmt::format("there is no directory {}", path), "--sysroot and --debug-dir need one");
}

std::string kept_core_of(const std::string& word, const std::string& sysroot) {
  const Tid pid = parse_process("--core-of", word);
  const auto core = find_kept_core(sysroot, pid);
  if (core) return *core;
  throw Error(
      ErrorKind::kNoSuchProcess,
      fmt::format("no core of process {} is kept in {}", pid.value, kept_cores_directory(sysroot)),
      "list the cores: coredumpctl list");
}

}  // namespace

void OptionWords::add_report_options(CLI::App& app) {
  app.add_flag("-a,--all-threads", options_.all_threads,
               "every thread's stack and locks, as jstack -l does")
      ->group("Report");
  app.add_option("--format", words_.format, "text, json or postmortem (default: text)")
      ->type_name("FORMAT")
      ->group("Report");
  app.add_option("-o,--output", options_.output, "write to FILE, not to standard output")
      ->type_name("FILE")
      ->group("Report");
  app.add_option("--color", words_.colour,
                 "auto, always or never (default: auto, which is on a\n"
                 "terminal, unless NO_COLOR is set)")
      ->type_name("WHEN")
      ->group("Report");
  app.add_flag("--exit-code", options_.exit_code, "exit with 1 when threads hang")->group("Report");
}

void OptionWords::add_target_options(CLI::App& app) {
  const auto add_choice = [&](const char* name, std::vector<std::string>& into,
                              const char* description, const char* type) {
    app.add_option(name, into, description)
        ->type_name(type)
        ->allow_extra_args(false)
        ->group("Targets");
  };
  add_choice("--tree", words_.trees, "the process PID and all its descendants", "PID");
  add_choice("--pgid", words_.groups, "the processes of process group PGID", "PGID");
  add_choice("--core-of", words_.cores_of,
             "the newest core that systemd keeps of the process\nPID, which has ended", "PID");
  add_choice("--name", words_.names, "the processes that have this name, or whose program\nhas",
             "NAME");
  app.add_flag("--all", words_.all,
               "all processes: each is looked at from outside, and\n"
               "stopped only where something may hang")
      ->group("Targets");
}

void OptionWords::add_looking_options(CLI::App& app) {
  app.add_flag("--freeze", options_.freeze,
               "stop all threads at one instant (default: one after\n"
               "the other, each for a fraction of a millisecond)")
      ->group("Looking");
  app.add_option("--samples", words_.samples,
                 "look N times at what the threads do (default: twice\n"
                 "where others wait for one that runs; 1: once)")
      ->type_name("N")
      ->group("Looking");
  app.add_option("--interval", words_.interval,
                 "wait so long between these looks, like 50ms or 1s\n"
                 "(default: 50ms)")
      ->type_name("T")
      ->group("Looking");
  app.add_flag("--no-stop", words_.no_stop,
               "stop no thread at all: stacks are read as they sleep,\n"
               "and may end early")
      ->group("Looking");
  app.add_option("--follow", words_.follow,
                 "look from outside at the processes that the targets\n"
                 "wait for, and so on, N times (default: 4; 0: not)")
      ->type_name("N")
      ->group("Looking");
  app.add_option("--stack-bytes", words_.stack_bytes,
                 "copy so much of each stack at once, like 256K or 1M\n"
                 "(default: 64K; deeper bytes are read when needed)")
      ->type_name("N[K|M]")
      ->group("Looking");
  app.add_flag("--scan-memory{yes}", words_.scan_memory,
               "search all memory for locks that threads hold:\n"
               "auto, yes or no (default: auto, which does it in\n"
               "up to 256M of a process and 512M of a core)")
      ->type_name("[=WHEN]")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->group("Looking");
  app.add_option("--max-memory", words_.max_memory, "search at most so much memory (default: 4G)")
      ->type_name("N[K|M|G]")
      ->group("Looking");
  app.add_option("--exe", options_.executable, "the program of a core, where it is not found")
      ->type_name("FILE")
      ->group("Looking");
  app.add_option("--sysroot", options_.places.sysroot,
                 "the files of a core's machine are in DIR, with the\n"
                 "paths that they had there")
      ->type_name("DIR")
      ->group("Looking");
  app.add_option("--debug-dir", options_.places.debug_directories,
                 "programs, libraries and debug files are looked for in\n"
                 "DIR too, by build ID; may be given several times")
      ->type_name("DIR")
      ->allow_extra_args(false)
      ->group("Looking");
  app.add_option("--lock-file", options_.lock_files,
                 "locks of your own or of a library, described in a\n"
                 "file: see the manual; may be given several times")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group("Looking");
  app.add_flag("--no-lines", words_.no_lines,
               "no source lines and inlined calls: faster, and enough\n"
               "to find a deadlock")
      ->group("Symbols");
  app.add_option("--max-frames", words_.max_frames,
                 "show N frames of a stack (default: 256; 0: all)")
      ->type_name("N")
      ->group("Symbols");
}

void OptionWords::understand_choices() {
  using By = ProcessChoice::By;
  for (const std::string& word : words_.trees) {
    options_.choices.push_back({.by = By::kTree, .id = parse_process("--tree", word)});
  }
  for (const std::string& word : words_.groups) {
    options_.choices.push_back({.by = By::kGroup, .id = parse_process("--pgid", word)});
  }
  for (const std::string& word : words_.names) {
    options_.choices.push_back({.by = By::kName, .name = word});
  }
  if (words_.all) options_.choices.push_back({.by = By::kAll});
}

Options OptionWords::understand(std::vector<std::string> targets) {
  options_.targets = std::move(targets);
  understand_choices();
  for (const std::string& directory : options_.places.debug_directories) check_directory(directory);
  if (!options_.places.sysroot.empty()) check_directory(options_.places.sysroot);
  for (const std::string& word : words_.cores_of) {
    options_.targets.push_back(kept_core_of(word, options_.places.sysroot));
  }
  if (options_.targets.empty() && options_.choices.empty()) {
    refuse("no TARGET was given", "try pstuck PID, pstuck CORE or pstuck --all; see pstuck --help");
  }
  return understand();
}

Options OptionWords::understand() {
  constexpr std::array kFormats{std::pair{std::string_view("text"), Format::kText},
                                std::pair{std::string_view("json"), Format::kJson},
                                std::pair{std::string_view("postmortem"), Format::kPostmortem}};
  constexpr std::array kChoices{std::pair{std::string_view("auto"), ColourChoice::kAuto},
                                std::pair{std::string_view("always"), ColourChoice::kAlways},
                                std::pair{std::string_view("never"), ColourChoice::kNever}};
  constexpr std::array kScans{std::pair{std::string_view("auto"), ScanMemory::kAuto},
                              std::pair{std::string_view("yes"), ScanMemory::kYes},
                              std::pair{std::string_view("no"), ScanMemory::kNo}};
  options_.format = parse_choice("--format", words_.format, kFormats);
  options_.colour = parse_choice("--color", words_.colour, kChoices);
  options_.max_frames =
      parse_count("--max-frames", words_.max_frames, "it is a number, 0 for no limit");
  options_.follow =
      parse_count("--follow", words_.follow, "it is a number of hops, 0 to follow nobody");
  options_.stop = !words_.no_stop;
  if (options_.freeze && words_.no_stop) {
    refuse("--freeze and --no-stop exclude each other", "give one of them");
  }
  options_.stack_bytes = parse_bytes("--stack-bytes", words_.stack_bytes, kMostStackBytes,
                                     "it is a number of bytes up to 1024M, like 65536, 256K or 1M");
  options_.scan_memory = parse_choice("--scan-memory", words_.scan_memory, kScans);
  options_.max_memory = parse_bytes("--max-memory", words_.max_memory, SIZE_MAX,
                                    "it is a number of bytes, like 512M or 8G");
  options_.samples = parse_samples(words_.samples);
  if (words_.no_stop && options_.samples.value_or(1) > 1) {
    refuse("--samples looks at where threads run, which --no-stop forbids", "give one of them");
  }
  options_.interval = parse_time("--interval", words_.interval, kLongestInterval,
                                 "it is a time up to 1h, like 50ms or 1s");
  options_.lines = !words_.no_lines;
  return options_;
}

bool wants_colour(ColourChoice choice, bool to_terminal, const char* no_color) {
  if (choice != ColourChoice::kAuto) return choice == ColourChoice::kAlways;
  const bool refused = no_color != nullptr && *no_color != '\0';  // https://no-color.org
  return to_terminal && !refused;
}

}  // namespace pstuck
