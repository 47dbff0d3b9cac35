#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "attach/error.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::string_view kExamples =
    R"(Exit status:
  0  a report was made
  1  with --exit-code: the report says that threads hang
  2  trouble: wrong usage, no such process, not permitted, unreadable file

Examples:
  pstuck 48213                              who waits for whom in a live process
  pstuck -a core.48213                      every thread of a core file
  pstuck --format postmortem -o hang.md 48213
                                            a postmortem to fill in
  pstuck --tree 48213                       a process and all its descendants
  pstuck --all                              whatever hangs on this machine
  pstuck --exit-code --format json $(pidof orderd)
                                            for scripts: status 1 on a hang
)";

constexpr std::size_t kMostSamples = 1000;
constexpr std::chrono::milliseconds kLongestInterval = std::chrono::hours(1);
constexpr std::size_t kMostStackBytes = std::size_t{1} << 30;

/// The options as they stand on the command line, not yet understood.
struct Words {
  std::string format = "text";
  std::string colour = "auto";
  std::string max_frames = "256";
  std::string follow = "4";
  std::string stack_bytes = "64K";
  std::string scan_memory = "auto";
  std::string max_memory = "4G";
  std::string samples;
  std::string interval = "50ms";
  std::vector<std::string> trees;
  std::vector<std::string> groups;
  std::vector<std::string> names;
  bool all = false;
  bool no_lines = false;
  bool no_stop = false;
};

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    std::string text =
        "Usage: pstuck [OPTION]... TARGET...\n"
        "Says which threads of a hung process wait for what, who holds it, and what the\n"
        "holder is doing. A TARGET is a process id or a core file. Of several it also\n"
        "says which wait for each other.\n";
    for (const std::string& group : app->get_groups()) {
      if (group.empty()) continue;
      text += "\n" + group + ":\n";
      const auto options =
          app->get_options([&](const CLI::Option* option) { return option->get_group() == group; });
      for (const CLI::Option* option : options) text += line(*option);
    }
    return text + "\n" + std::string(kExamples);
  }

 private:
  static std::string line(const CLI::Option& option) {
    constexpr std::size_t kColumn = 27;
    std::string names = option.get_snames().empty() ? "      --" : "  -";
    if (!option.get_snames().empty()) names += option.get_snames().front() + ", --";
    names += option.get_lnames().front();
    // A flag with a type has a value that may be left out: "[=WHEN]".
    if (option.get_items_expected_max() > 0) names += ' ';
    names += option.get_type_name();
    if (names.size() >= kColumn) names += "\n" + std::string(kColumn, ' ');
    std::string text = names;
    text.resize(std::max(text.size(), kColumn), ' ');
    for (const char c : option.get_description()) {
      text += c;
      if (c == '\n') text += std::string(kColumn, ' ');
    }
    return text + "\n";
  }
};

void add_options(CLI::App& app, Options& options, Words& words) {
  app.add_flag("-a,--all-threads", options.all_threads,
               "every thread's stack and locks, as jstack -l does")
      ->group("Report");
  app.add_option("--format", words.format, "text, json or postmortem (default: text)")
      ->type_name("FORMAT")
      ->group("Report");
  app.add_option("-o,--output", options.output, "write to FILE, not to standard output")
      ->type_name("FILE")
      ->group("Report");
  app.add_option("--color", words.colour,
                 "auto, always or never (default: auto, which is on a\n"
                 "terminal, unless NO_COLOR is set)")
      ->type_name("WHEN")
      ->group("Report");
  app.add_flag("--exit-code", options.exit_code, "exit with 1 when threads hang")->group("Report");
  const auto add_choice = [&](const char* name, std::vector<std::string>& into,
                              const char* description, const char* type) {
    app.add_option(name, into, description)
        ->type_name(type)
        ->allow_extra_args(false)
        ->group("Targets");
  };
  add_choice("--tree", words.trees, "the process PID and all its descendants", "PID");
  add_choice("--pgid", words.groups, "the processes of process group PGID", "PGID");
  add_choice("--name", words.names, "the processes that have this name, or whose program\nhas",
             "NAME");
  app.add_flag("--all", words.all,
               "all processes: each is looked at from outside, and\n"
               "stopped only where something may hang")
      ->group("Targets");
  app.add_flag("--freeze", options.freeze,
               "stop all threads at one instant (default: one after\n"
               "the other, each for a fraction of a millisecond)")
      ->group("Looking");
  app.add_option("--samples", words.samples,
                 "look N times at what the threads do (default: twice\n"
                 "where others wait for one that runs; 1: once)")
      ->type_name("N")
      ->group("Looking");
  app.add_option("--interval", words.interval,
                 "wait so long between these looks, like 50ms or 1s\n"
                 "(default: 50ms)")
      ->type_name("T")
      ->group("Looking");
  app.add_flag("--no-stop", words.no_stop,
               "stop no thread at all: stacks are read as they sleep,\n"
               "and may end early")
      ->group("Looking");
  app.add_option("--follow", words.follow,
                 "look from outside at the processes that the targets\n"
                 "wait for, and so on, N times (default: 4; 0: not)")
      ->type_name("N")
      ->group("Looking");
  app.add_option("--stack-bytes", words.stack_bytes,
                 "copy so much of each stack at once, like 256K or 1M\n"
                 "(default: 64K; deeper bytes are read when needed)")
      ->type_name("N[K|M]")
      ->group("Looking");
  app.add_flag("--scan-memory{yes}", words.scan_memory,
               "search all memory for locks that threads hold:\n"
               "auto, yes or no (default: auto, which does it in\n"
               "up to 256M of a process and 512M of a core)")
      ->type_name("[=WHEN]")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->group("Looking");
  app.add_option("--max-memory", words.max_memory, "search at most so much memory (default: 4G)")
      ->type_name("N[K|M|G]")
      ->group("Looking");
  app.add_option("--exe", options.executable, "the program of a core, where it is not found")
      ->type_name("FILE")
      ->group("Looking");
  app.add_option("--lock-file", options.lock_files,
                 "locks of your own or of a library, described in a\n"
                 "file: see the manual; may be given several times")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group("Looking");
  app.add_flag("--no-lines", words.no_lines,
               "no source lines and inlined calls: faster, and enough\n"
               "to find a deadlock")
      ->group("Symbols");
  app.add_option("--max-frames", words.max_frames,
                 "show N frames of a stack (default: 256; 0: all)")
      ->type_name("N")
      ->group("Symbols");
  app.set_help_flag("-h,--help", "show this text")->group("Information");
  app.set_version_flag("--version", "pstuck " PSTUCK_VERSION, "show the version")
      ->group("Information");
  app.add_option("TARGET", options.targets)->group("");
  for (CLI::Option* option : app.get_options()) {
    const bool takes_one = option->get_items_expected_max() == 1;
    if (takes_one) option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

/// How many letters must be added, left out or changed to make `b` of `a`.
std::size_t spelling_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, changed});
    }
  }
  return row.back();
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongestWord = 40;
  const std::string_view see_help = "see pstuck --help";
  if (word.size() > kLongestWord || known.empty()) return std::string(see_help);
  const auto longer = std::find_if(known.begin(), known.end(), [&](const std::string& name) {
    return word.size() > 3 && name.starts_with(word);
  });
  if (longer != known.end()) return fmt::format("did you mean {}?", *longer);
  const auto nearest =
      std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
        return spelling_distance(word, a) < spelling_distance(word, b);
      });
  const bool near = spelling_distance(word, *nearest) <= 1 + word.size() / 4;
  return near ? fmt::format("did you mean {}?", *nearest) : std::string(see_help);
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

[[noreturn]] void refuse(const std::string& message, const std::string& hint) {
  throw Error(ErrorKind::kUsage, message, hint);
}

template <typename T, std::size_t N>
T choice(std::string_view option, const std::string& word,
         const std::array<std::pair<std::string_view, T>, N>& choices) {
  std::vector<std::string> known;
  for (const auto& [name, value] : choices) {
    if (name == word) return value;
    known.emplace_back(name);
  }
  refuse(fmt::format("{} cannot be \"{}\"", option, word), "it is one of " + joined(known, ", "));
}

/// A whole number and what follows it; none when it does not begin with one that fits.
std::optional<std::pair<std::size_t, std::string_view>> number(std::string_view word) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc()) return std::nullopt;
  return std::pair(value, word.substr(static_cast<std::size_t>(end - word.data())));
}

std::size_t parse_count(std::string_view option, const std::string& word, const std::string& hint) {
  const auto parsed = number(word);
  if (!parsed || !parsed->second.empty()) {
    refuse(fmt::format("{} cannot be \"{}\"", option, word), hint);
  }
  return parsed->first;
}

/// What a number of bytes is counted in; none for a suffix that means nothing.
std::optional<std::size_t> unit_of(std::string_view suffix) {
  constexpr std::array<std::pair<std::string_view, int>, 7> kShifts{
      {{"", 0}, {"K", 10}, {"k", 10}, {"M", 20}, {"m", 20}, {"G", 30}, {"g", 30}}};
  for (const auto& [name, shift] : kShifts) {
    if (name == suffix) return std::size_t{1} << shift;
  }
  return std::nullopt;
}

std::size_t parse_bytes(std::string_view option, const std::string& word, std::size_t most,
                        const std::string& hint) {
  const auto parsed = number(word);
  const auto unit = parsed ? unit_of(parsed->second) : std::nullopt;
  if (!unit || parsed->first > most / *unit) {
    refuse(fmt::format("{} cannot be \"{}\"", option, word), hint);
  }
  return parsed->first * *unit;
}

std::optional<std::size_t> parse_samples(const std::string& word) {
  if (word.empty()) return {};
  const auto parsed = number(word);
  if (!parsed || !parsed->second.empty() || parsed->first < 1 || parsed->first > kMostSamples) {
    refuse(fmt::format("--samples cannot be \"{}\"", word),
           fmt::format("it is a number from 1 to {}", kMostSamples));
  }
  return parsed->first;
}

std::chrono::milliseconds parse_interval(const std::string& word) {
  const auto parsed = number(word);
  const bool seconds = parsed && parsed->second == "s";
  const bool known = seconds || (parsed && parsed->second == "ms");
  const std::chrono::milliseconds unit(seconds ? 1000 : 1);
  if (!known || parsed->first < 1 ||
      parsed->first > static_cast<std::size_t>(kLongestInterval / unit)) {
    refuse(fmt::format("--interval cannot be \"{}\"", word),
           "it is a time up to 3600s, like 50ms or 1s");
  }
  return unit * parsed->first;
}

Tid parse_process(std::string_view option, const std::string& word) {
  Tid id;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id.value);
  if (error != std::errc() || end != word.data() + word.size() || id.value <= 0) {
    refuse(fmt::format("{} cannot be \"{}\"", option, word), "it is a number, as ps shows it");
  }
  return id;
}

void understand_choices(const Words& words, Options& options) {
  using By = ProcessChoice::By;
  for (const std::string& word : words.trees) {
    options.choices.push_back({.by = By::kTree, .id = parse_process("--tree", word)});
  }
  for (const std::string& word : words.groups) {
    options.choices.push_back({.by = By::kGroup, .id = parse_process("--pgid", word)});
  }
  for (const std::string& word : words.names) {
    options.choices.push_back({.by = By::kName, .name = word});
  }
  if (words.all) options.choices.push_back({.by = By::kAll});
}

void understand(const Words& words, Options& options) {
  understand_choices(words, options);
  constexpr std::array kFormats{std::pair{std::string_view("text"), Format::kText},
                                std::pair{std::string_view("json"), Format::kJson},
                                std::pair{std::string_view("postmortem"), Format::kPostmortem}};
  constexpr std::array kChoices{std::pair{std::string_view("auto"), ColourChoice::kAuto},
                                std::pair{std::string_view("always"), ColourChoice::kAlways},
                                std::pair{std::string_view("never"), ColourChoice::kNever}};
  constexpr std::array kScans{std::pair{std::string_view("auto"), ScanMemory::kAuto},
                              std::pair{std::string_view("yes"), ScanMemory::kYes},
                              std::pair{std::string_view("no"), ScanMemory::kNo}};
  options.format = choice("--format", words.format, kFormats);
  options.colour = choice("--color", words.colour, kChoices);
  options.max_frames =
      parse_count("--max-frames", words.max_frames, "it is a number, 0 for no limit");
  options.follow =
      parse_count("--follow", words.follow, "it is a number of hops, 0 to follow nobody");
  options.stop = !words.no_stop;
  if (options.freeze && words.no_stop) {
    refuse("--freeze and --no-stop exclude each other", "give one of them");
  }
  options.stack_bytes = parse_bytes("--stack-bytes", words.stack_bytes, kMostStackBytes,
                                    "it is a number of bytes up to 1024M, like 65536, 256K or 1M");
  options.scan_memory = choice("--scan-memory", words.scan_memory, kScans);
  options.max_memory = parse_bytes("--max-memory", words.max_memory, SIZE_MAX,
                                   "it is a number of bytes, like 512M or 8G");
  options.samples = parse_samples(words.samples);
  options.interval = parse_interval(words.interval);
  options.lines = !words.no_lines;
}

void parse(CLI::App& app, int argc, const char* const* argv, Options& options) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    options.answer = app.help();
  } catch (const CLI::CallForVersion&) {
    options.answer = "pstuck " PSTUCK_VERSION "\n";
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();  // begins with the option's name and a colon
    refuse(text.substr(0, text.find(':')) + " needs a value", "see pstuck --help");
  } catch (const CLI::ParseError& error) {
    refuse(error.what(), "see pstuck --help");
  }
}

/// Where the options end: at a "--", else behind the last word.
int end_of_options(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--") return i;
  }
  return argc;
}

}  // namespace

Options parse_options(int argc, const char* const* argv) {
  Options options;
  Words words;
  CLI::App app;
  app.formatter(std::make_shared<HelpFormatter>());
  app.allow_extras();  // so that an unknown option gets a message of our own
  add_options(app, options, words);
  const int end = end_of_options(argc, argv);
  parse(app, end, argv, options);
  if (!options.answer.empty()) return options;
  for (const std::string& word : app.remaining()) {
    const std::string name = word.substr(0, word.find('='));
    refuse(fmt::format("unknown option {}", name), suggestion(name, option_names(app)));
  }
  for (int i = end + 1; i < argc; ++i) options.targets.emplace_back(argv[i]);
  understand(words, options);
  if (options.targets.empty() && options.choices.empty()) {
    refuse("no TARGET was given", "try pstuck PID, pstuck CORE or pstuck --all; see pstuck --help");
  }
  return options;
}

bool wants_colour(ColourChoice choice, bool to_terminal, const char* no_color) {
  if (choice != ColourChoice::kAuto) return choice == ColourChoice::kAlways;
  const bool refused = no_color != nullptr && *no_color != '\0';  // https://no-color.org
  return to_terminal && !refused;
}

}  // namespace pstuck
