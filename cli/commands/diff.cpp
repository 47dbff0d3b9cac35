#include "cli/commands/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "analyzers/changes.h"
#include "attach/error.h"
#include "cli/labels.h"
#include "cli/option_values.h"
#include "cli/output.h"
#include "cli/pipeline.h"
#include "cli/sentences.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::string_view kExamples =
    R"(Exit status:
  0  both were looked at
  2  trouble: wrong usage, no such process, different processes

Examples:
  pstuck capture -o then.pstuck 48213       and some minutes later
  pstuck diff then.pstuck 48213             who has not moved since
)";
constexpr std::size_t kShownThreads = 5;
constexpr std::size_t kShownLines = 12;

Reports look_at_one(const std::string& target) {
  Options options;
  options.targets = {target};
  return look_at(options, [](const Error& error) { throw error; });
}

/// The two times of one process.
class DiffText {
 public:
  DiffText(const Report& before, const Report& after, bool all)
      : before_(before),
        after_(after),
        all_(all),
        changes_(find_changes({before.snapshot, before.stacks, before.diagnosis},
                              {after.snapshot, after.stacks, after.diagnosis})) {}

  std::string write() && {
    write_head();
    write_threads("DID NOT MOVE", ThreadChange::Kind::kStayed);
    write_threads("RAN, AND ARE WHERE THEY WERE", ThreadChange::Kind::kRanHere);
    write_threads("MOVED", ThreadChange::Kind::kMoved);
    write_threads("STARTED", ThreadChange::Kind::kStarted);
    write_threads("ENDED", ThreadChange::Kind::kEnded);
    write_locks();
    return std::move(text_).str();
  }

 private:
  [[nodiscard]] std::size_t count(ThreadChange::Kind kind) const {
    return static_cast<std::size_t>(
        std::ranges::count(changes_.threads, kind, &ThreadChange::kind));
  }

  void write_head() {
    text_ << after_.process();
    if (changes_.between) {
      const auto between = *changes_.between;
      text_ << fmt::format(": {} {}", duration_words(std::chrono::abs(between)),
                           between.count() < 0 ? "before the first" : "later");
    }
    text_ << fmt::format(
        " · {} of {} did not move", count(ThreadChange::Kind::kStayed),
        count_words(before_.labels().report().snapshot.threads.size(), "thread", "threads"));
    text_ << '\n';
  }

  [[nodiscard]] std::string what(const ThreadChange& change) const {
    switch (change.kind) {
      case ThreadChange::Kind::kMoved: {
        const std::string was = before_.activity(*change.before);
        const std::string is = after_.activity(*change.after);
        if (was != is) return fmt::format("{}; now {}", was, is);
        const std::string from = functions(before_, *change.before);
        const std::string to = functions(after_, *change.after);
        if (from == to) return fmt::format("{}; elsewhere in the same functions", is);
        return fmt::format("{}; but by {}, not {}", is, to, from);
      }
      case ThreadChange::Kind::kEnded:
        return before_.activity(*change.before);
      default:
        return after_.activity(*change.after);
    }
  }

  static std::string functions(const Sentences& sentences, ThreadIndex thread) {
    const auto& functions = sentences.labels().status(thread).functions;
    if (functions.empty()) return "elsewhere";
    const Stacks& stacks = sentences.labels().report().stacks;
    return functions_label(stacks, functions);
  }

  /// Threads of which the same is said share a line; most threads first.
  void write_threads(std::string_view title, ThreadChange::Kind kind) {
    std::map<std::string, std::vector<std::string>> lines;
    for (const ThreadChange& change : changes_.threads) {
      if (change.kind != kind) continue;
      lines[what(change)].push_back(change.after ? after_.thread(*change.after)
                                                 : before_.thread(*change.before));
    }
    if (lines.empty()) return;
    std::vector<std::pair<std::string, std::vector<std::string>>> sorted(lines.begin(),
                                                                         lines.end());
    std::ranges::stable_sort(sorted, std::ranges::greater(),
                             [](const auto& line) { return line.second.size(); });
    text_ << fmt::format("\n{}  {}\n", title, count_words(count(kind), "thread", "threads"));
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      if (!all_ && i == kShownLines) {
        text_ << fmt::format("  … {} more (-a)\n", sorted.size() - i);
        break;
      }
      write_line(sorted[i].first, sorted[i].second);
    }
  }

  void write_line(const std::string& what, const std::vector<std::string>& threads) {
    std::vector<std::string> shown = threads;
    if (!all_ && shown.size() > kShownThreads) {
      shown.resize(kShownThreads);
      shown.push_back(fmt::format("{} more", threads.size() - kShownThreads));
    }
    text_ << fmt::format("  {}\n    {}\n", joined(shown, ", "), what);
  }

  [[nodiscard]] static std::string owner(const Sentences& sentences, ResourceIndex lock) {
    const Holder& holder = sentences.labels().report().diagnosis.resources.at(lock).holder;
    return holder.thread ? sentences.thread(*holder.thread) : std::string("nobody that is known");
  }

  void write_locks() {
    std::vector<std::string> lines;
    for (const LockChange& change : changes_.locks) {
      const std::string name =
          change.after ? after_.lock(*change.after) : before_.lock(*change.before);
      if (change.owner_before && change.owner_before == change.owner_after) {
        lines.push_back(
            fmt::format("{}  held by {} both times", name, owner(after_, *change.after)));
      } else if (change.owner_before || change.owner_after) {
        lines.push_back(fmt::format(
            "{}  was held by {}, now by {}", name,
            change.owner_before ? owner(before_, *change.before) : "nobody that is known",
            change.owner_after ? owner(after_, *change.after) : "nobody that is known"));
      }
    }
    if (lines.empty()) return;
    text_ << fmt::format("\nLOCKS  {}\n", count_words(lines.size(), "lock", "locks"));
    for (const std::string& line : lines) text_ << "  " << line << '\n';
  }

  Sentences before_;
  Sentences after_;
  bool all_;
  Changes changes_;
  std::ostringstream text_;
};

/// The other time's report of the same process; null when it has none.
const Report* find_same(const Report& report, const Reports& among) {
  const auto same = std::ranges::find_if(among.targets, [&](const Report& other) {
    return is_same_process(report.snapshot, other.snapshot);
  });
  return same == among.targets.end() ? nullptr : &*same;
}

}  // namespace

Diff::Diff()
    : Command({.usage = "pstuck diff [OPTION]... BEFORE AFTER",
               .about =
                   "Says which threads moved between two looks at a process, which did not, and\n"
                   "which locks changed hands. Each is a snapshot, a core or a process id.\n",
               .examples = kExamples}) {
  CLI::App& app = line().app();
  app.add_flag("-a,--all-threads", all_threads_, "all threads, however many do the same")
      ->group("Diff");
  app.add_option("-o,--output", output_, "write to FILE, not to standard output")
      ->type_name("FILE")
      ->group("Diff");
}

int Diff::run() {
  const auto& targets = line().words();
  if (targets.size() != 2) {
    refuse("two TARGETs are needed, the earlier one first", "pstuck diff BEFORE AFTER");
  }
  const Reports before = look_at_one(targets[0]);
  const Reports after = look_at_one(targets[1]);
  std::string text;
  for (const Report& report : before.targets) {
    const Report* const same = find_same(report, after);
    if (same == nullptr) continue;
    if (!text.empty()) text += '\n';
    text += DiffText(report, *same, all_threads_).write();
  }
  if (text.empty()) {
    throw Error(
        ErrorKind::kMismatch,
        fmt::format("{} and {} are not of the same process", targets[0], targets[1]),
        fmt::format("to compare different ones: pstuck triage {} {}", targets[0], targets[1]));
  }
  write_output(output_, text);
  return 0;
}

}  // namespace pstuck
