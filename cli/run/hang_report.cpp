#include "cli/run/hang_report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>

#include "attach/proc_files.h"
#include "cli/escape.h"
#include "cli/output.h"
#include "cli/pipeline.h"
#include "cli/run/artifacts.h"
#include "cli/run/cores.h"
#include "cli/run/descendants.h"
#include "cli/run/github.h"
#include "cli/run/hang_list.h"
#include "cli/run/junit.h"
#include "cli/trouble.h"
#include "cli/words.h"

namespace pstuck {
namespace {

/// What fails in one step is told, and the next ones are done.
void attempt(const std::function<void()>& step) {
  try {
    step();
  } catch (const Error& error) {
    report_trouble(error);
  } catch (const std::exception& error) {
    report_trouble({ErrorKind::kUnreadable, error.what(), ""});
  }
}

/// A line for each process, of what can always be told: "  4713 S make (child of 4711)".
std::string list_tree() {
  std::string lines;
  for (const Tid pid : Descendants::list()) {
    const auto text = ProcDirectory(proc_path(pid)).read("stat");
    const auto stat = text ? parse_stat(*text) : std::nullopt;
    if (!stat) continue;
    lines += fmt::format("  {} {} {} (child of {})\n", pid.value, stat->state,
                         printable(stat->name), stat->parent.value);
  }
  return lines;
}

std::string about_the_command(const LateCommand& late) {
  std::error_code ignored;
  const std::string directory = std::filesystem::current_path(ignored).string();
  return fmt::format("{}\n{}\nin {}\nat {}\n{}", late.request.words(), late.reason,
                     printable(directory, directory.size() * 4),
                     date_words(std::chrono::system_clock::now().time_since_epoch()), list_tree());
}

/// A file of what was found of each process so far: for a look that comes to no end, or is cut
/// short. It goes when all the others are there.
class SoFar {
 public:
  explicit SoFar(const Artifacts& artifacts) : path_(artifacts.path("so-far.txt")) {}

  void add(const Report& report) {
    Reports one;
    one.targets.push_back(report);
    std::ostringstream text;
    render(one, Format::kText, {}, text);
    text_ += std::move(text).str() + '\n';
    attempt([&] { write_output(path_, text_); });
  }

  void remove() const { ::unlink(path_.c_str()); }

 private:
  std::string path_;
  std::string text_;
};

Reports look_at_all(const RunRequest& request, std::optional<SoFar>& so_far,
                    SnapshotFile& snapshot) {
  Options options = request.looking;
  if (so_far) options.looked = [&](const Report& report) { so_far->add(report); };
  for (const Tid process : Descendants::list()) {
    options.targets.push_back(std::to_string(process.value));
  }
  // Of many processes the last ones are looked at less closely, so that there is a report in time.
  options.closely_until = std::chrono::steady_clock::now() + request.budget / 2;
  const auto trouble = [](const Error& error) {
    if (!is_of_ended_process(error)) report_trouble(error);
  };
  return look_and_save(options, trouble, snapshot);
}

void print_report(const Reports& reports, ColourChoice choice) {
  const bool colour = wants_colour(choice, ::isatty(STDERR_FILENO) == 1, std::getenv("NO_COLOR"));
  std::ostringstream text;
  render(reports, Format::kText, {.colour = colour}, text);
  fmt::print(stderr, "{}", text.str());
}

void annotate(const LateCommand& late, const std::vector<Hang>& hangs) {
  const char* const actions = std::getenv("GITHUB_ACTIONS");
  if (actions == nullptr || std::string_view(actions) != "true") return;
  const char* const workspace = std::getenv("GITHUB_WORKSPACE");
  fmt::print(stderr, "\n{}",
             github_annotations(hangs, fmt::format("{} {}", late.request.words(), late.reason),
                                workspace == nullptr ? "" : workspace));
}

/// The most important finding is the message, the whole report the text.
TestCase::Failure describe(const LateCommand& late, const std::vector<Hang>& hangs,
                           const Reports& reports) {
  std::ostringstream text;
  text << late.request.words() << ' ' << late.reason << "\n\n";
  render(reports, Format::kText, {}, text);
  TestCase::Failure failure{
      .type = "TIMEOUT", .message = late.reason, .text = std::move(text).str()};
  if (hangs.empty()) return failure;
  failure.type = hangs.front().word;
  failure.message = hangs.front().sentence;
  if (hangs.size() > 1) failure.message += fmt::format(" · and {} more", hangs.size() - 1);
  return failure;
}

void look_and_tell(const LateCommand& late) {
  const RunRequest& request = late.request;
  fmt::print(stderr, "pstuck: {} {}\n\n", request.words(), late.reason);
  std::optional<Artifacts> artifacts;
  if (!request.artifacts.empty()) {
    attempt([&] {
      artifacts.emplace(expand_name(request.artifacts, request.command.front(), late.process));
      artifacts->write("command.txt", about_the_command(late));
    });
  }
  std::optional<SoFar> so_far;
  if (artifacts) so_far.emplace(*artifacts);
  SnapshotFile snapshot = new_snapshot_file();
  const Reports reports = look_at_all(request, so_far, snapshot);
  print_report(reports, request.looking.colour);
  const std::vector<Hang> hangs = list_hangs(reports);
  annotate(late, hangs);
  write_junit(request, late.process, late.ran, describe(late, hangs, reports));
  if (!artifacts) return;
  write_reports(reports, snapshot, *artifacts);
  if (request.cores) write_cores(reports, *request.cores, late.signals, *artifacts);
  so_far->remove();
  fmt::print(stderr, "\npstuck: wrote {} to {}\n", list_words(artifacts->names()),
             printable(artifacts->directory()));
}

}  // namespace

void report_hang(const LateCommand& late) noexcept {
  attempt([&] { look_and_tell(late); });
}

}  // namespace pstuck
