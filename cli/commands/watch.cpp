#include "cli/commands/watch.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "attach/descriptor.h"
#include "cli/option_values.h"
#include "cli/output.h"
#include "cli/pipeline.h"
#include "cli/run/artifacts.h"
#include "cli/run/hang_list.h"
#include "cli/run/standing_hangs.h"
#include "cli/run/start.h"
#include "cli/trouble.h"
#include "cli/words.h"

namespace pstuck {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kExamples =
    R"(Exit status:
  0  the processes have ended
  1  with --until-stuck: something hung
  2  trouble: wrong usage, no such process, not permitted

Examples:
  pstuck watch --artifacts 'hangs/%n.%t' $(pidof orderd)
  pstuck watch --exec 'mail -s "$PSTUCK_VERDICT" ops <"$PSTUCK_REPORT"' \
    --artifacts hangs/%t 48213
)";

/// Keeps a process apart from a later one with the same id.
struct Watched {
  Tid pid;
  Descriptor pidfd;
};

Watched open_watched(Tid pid) {
  Descriptor pidfd = open_pidfd(pid);
  if (!pidfd.is_open()) {
    throw Error(ErrorKind::kNoSuchProcess,
                fmt::format("cannot watch process {}: {}", pid.value, std::strerror(errno)),
                "list the processes: ps -e -o pid,ppid,pgid,comm");
  }
  return {pid, std::move(pidfd)};
}

/// Until then, or until all have ended. Those that have ended are taken out.
void wait_until(Clock::time_point until, std::vector<Watched>& watched) {
  while (!watched.empty()) {
    std::vector<pollfd> waiting;
    for (const Watched& process : watched) waiting.push_back({process.pidfd.get(), POLLIN, 0});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    const auto timeout = std::clamp<std::int64_t>(left.count(), 0, 3'600'000);
    ::poll(waiting.data(), waiting.size(), static_cast<int>(timeout));
    for (std::size_t i = waiting.size(); i-- > 0;) {
      if (waiting[i].revents != 0) {
        watched.erase(watched.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    if (left.count() <= 0) return;
  }
}

void set_variable(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }

/// Waits for its end.
void execute(const std::string& command, const std::string& verdict, const Artifacts* artifacts) {
  set_variable("PSTUCK_VERDICT", verdict);
  if (artifacts != nullptr) {
    set_variable("PSTUCK_ARTIFACTS", artifacts->directory());
    set_variable("PSTUCK_REPORT", artifacts->path("report.txt"));
    set_variable("PSTUCK_THREADS", artifacts->path("threads.txt"));
    set_variable("PSTUCK_JSON", artifacts->path("report.json"));
    set_variable("PSTUCK_POSTMORTEM", artifacts->path("postmortem.md"));
    set_variable("PSTUCK_SNAPSHOT", artifacts->path("hang.pstuck"));
  }
  const Started started = start_command({"sh", "-c", command}, nullptr, {});
  while (started.pid > 0 && ::waitpid(started.pid, nullptr, 0) < 0 && errno == EINTR) continue;
}

class Watcher {
 public:
  explicit Watcher(const WatchRequest& request) : request_(request), standing_(request.stands_for) {
    for (const Tid pid : request.processes) watched_.push_back(open_watched(pid));
  }

  int run() {
    for (auto next = Clock::now(); !watched_.empty(); wait_until(next, watched_)) {
      next = Clock::now() + request_.every;
      if (!look() || !tell()) continue;
      standing_.set_told();
      if (request_.until_stuck) return 1;
    }
    return 0;
  }

 private:
  /// Whether something hangs that did not before.
  bool look() {
    Options options = this->options();
    options.closely_until = Clock::time_point::min();  // closely only where something may hang
    const Reports reports = look_at(options, [this](const Error& error) { take_trouble(error); });
    has_seen_ = true;
    return standing_.take(reports, Clock::now());
  }

  /// After one more look. Whether it still hangs.
  bool tell() {
    SnapshotFile snapshot = new_snapshot_file();
    const Reports reports = look_and_save(
        options(), [this](const Error& error) { take_trouble(error); }, snapshot);
    const std::vector<Hang> hangs = list_hangs(reports);
    if (hangs.empty()) return false;
    std::ostringstream text;
    text << date_words(std::chrono::system_clock::now().time_since_epoch()) << " · hangs for "
         << duration_words(request_.stands_for) << " or longer\n\n";
    render(reports, Format::kText, {}, text);
    write_output("", std::move(text).str());
    const auto artifacts = write_artifacts(reports, snapshot);
    if (!request_.exec.empty()) {
      const std::string verdict = fmt::format("{}  {}", hangs.front().word, hangs.front().sentence);
      execute(request_.exec, verdict, artifacts ? &*artifacts : nullptr);
    }
    return true;
  }

  /// A full disk is no reason to watch no longer.
  [[nodiscard]] std::optional<Artifacts> write_artifacts(const Reports& reports,
                                                         const SnapshotFile& snapshot) const {
    if (request_.artifacts.empty()) return {};
    const Process& process = reports.targets.at(find_hanging(reports).front()).snapshot.process;
    try {
      Artifacts artifacts(expand_name(request_.artifacts, process.name, process.pid));
      write_reports(reports, snapshot, artifacts);
      return artifacts;
    } catch (const Error& error) {
      report_trouble(error);
      return {};
    }
  }

  [[nodiscard]] Options options() const {
    Options options = request_.looking;
    for (const Watched& process : watched_) {
      options.targets.push_back(std::to_string(process.pid.value));
    }
    return options;
  }

  /// A process that ends while it is looked at is no trouble, and one that could be looked at
  /// before will be again.
  void take_trouble(const Error& error) {
    if (is_of_ended_process(error)) return;
    if (!has_seen_) throw error;
    report_trouble(error);
  }

  const WatchRequest& request_;
  std::vector<Watched> watched_;
  StandingHangs standing_;
  bool has_seen_ = false;
};

}  // namespace

Watch::Watch()
    : Command({.usage = "pstuck watch [OPTION]... PID...",
               .about =
                   "Looks at processes again and again, and is silent while their threads get on.\n"
                   "When something hangs, and still does after a while, writes the report.\n",
               .examples = kExamples}) {
  CLI::App& app = line().app();
  app.add_option("--every", every_, "look so often (default: 30s)")
      ->type_name("T")
      ->group("Watching");
  app.add_option("--for", stands_for_, "tell of what hangs for so long (default: 2m)")
      ->type_name("T")
      ->group("Watching");
  app.add_flag("--until-stuck", request_.until_stuck, "exit with 1 after the first report")
      ->group("Watching");
  app.add_option("--exec", request_.exec,
                 "run a shell command with each report: PSTUCK_VERDICT\n"
                 "tells what hangs, PSTUCK_REPORT the file")
      ->type_name("COMMAND")
      ->group("Watching");
  app.add_option("--artifacts", request_.artifacts,
                 "also write the report in all formats to files in DIR;\n"
                 "%n is the process's name, %p its id, %t the time")
      ->type_name("DIR")
      ->group("Artifacts");
  words_.add_looking_options(app);
}

WatchRequest Watch::request() {
  request_.looking = words_.understand();
  if (line().words().empty()) refuse("no PID was given", "try pstuck watch PID");
  for (const std::string& word : line().words()) {
    request_.processes.push_back(parse_process("PID", word));
  }
  request_.every = parse_limit("--every", every_);
  request_.stands_for = parse_limit("--for", stands_for_);
  return request_;
}

int Watch::run() {
  const WatchRequest request = this->request();
  return Watcher(request).run();
}

}  // namespace pstuck
