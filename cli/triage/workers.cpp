#include "cli/triage/workers.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "attach/descriptor.h"
#include "attach/error.h"

// A worker is a child that does every n-th job and writes one line for each. Where it dies, the job
// that it was at has no line, and another worker goes on behind it.

namespace pstuck {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLongestJob{60};

class Workers {
 public:
  Workers(std::size_t count, const std::function<std::string(std::size_t)>& job,
          const std::function<void(std::size_t, std::size_t)>& progress)
      : job_(job), progress_(progress), lines_(count) {}
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() {
    for (Worker& worker : workers_) end(worker);
  }

  std::vector<std::string> run() && {
    const std::size_t most = std::max(1U, std::thread::hardware_concurrency());
    stride_ = std::min(most, std::max<std::size_t>(1, lines_.size()));
    for (std::size_t i = 0; i < stride_; ++i) start(i);
    while (!workers_.empty()) wait_for_lines();
    return std::move(lines_);
  }

 private:
  struct Worker {
    pid_t process = -1;
    Descriptor lines;
    std::string text;     // of a line that is not whole yet
    std::size_t job = 0;  // that it is at
    Clock::time_point since;
  };

  void start(std::size_t first) {
    if (first >= lines_.size()) return;
    auto pipe = open_pipe();
    if (!pipe) fail();
    const pid_t process = ::fork();
    if (process < 0) fail();
    if (process == 0) work(first, pipe->write_end.get());
    workers_.push_back({.process = process,
                        .lines = std::move(pipe->read_end),
                        .job = first,
                        .since = Clock::now()});
  }

  [[noreturn]] static void fail() {
    throw Error(ErrorKind::kOutput, "cannot start another process",
                "try again when there are fewer");
  }

  [[noreturn]] void work(std::size_t first, int out) const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (std::size_t job = first; job < lines_.size(); job += stride_) {
      const std::string line = job_(job) + "\n";
      for (std::size_t done = 0; done < line.size();) {
        const ssize_t written = ::write(out, line.data() + done, line.size() - done);
        if (written <= 0) ::_exit(1);
        done += static_cast<std::size_t>(written);
      }
    }
    ::_exit(0);
  }

  void wait_for_lines() {
    std::vector<pollfd> polled;
    for (const Worker& worker : workers_) polled.push_back({worker.lines.get(), POLLIN, 0});
    constexpr int kPatienceMs = 1000;
    ::poll(polled.data(), polled.size(), kPatienceMs);
    for (std::size_t i = polled.size(); i-- > 0;) {
      const bool is_late = Clock::now() - workers_[i].since > kLongestJob;
      const bool has_more = polled[i].revents == 0 ? !is_late : read_lines(workers_[i]);
      if (!has_more) replace(i);
    }
  }

  /// False at the end.
  bool read_lines(Worker& worker) {
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(worker.lines.get(), buffer.data(), buffer.size());
    if (got <= 0) return got < 0 && errno == EINTR;
    worker.text.append(buffer.data(), static_cast<std::size_t>(got));
    for (auto end = worker.text.find('\n'); end != std::string::npos;
         end = worker.text.find('\n')) {
      if (worker.job < lines_.size()) lines_[worker.job] = worker.text.substr(0, end);
      worker.text.erase(0, end + 1);
      finish_job(worker);
    }
    return true;
  }

  void finish_job(Worker& worker) {
    worker.job += stride_;
    worker.since = Clock::now();
    ++done_;
    if (progress_) progress_(done_, lines_.size());
  }

  /// Ends a worker; where it was not through, another one goes on behind the job that it was at.
  void replace(std::size_t index) {
    Worker worker = std::move(workers_[index]);
    workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(index));
    end(worker);
    if (worker.job >= lines_.size()) return;
    finish_job(worker);
    start(worker.job);
  }

  static void end(Worker& worker) {
    ::kill(worker.process, SIGKILL);
    while (::waitpid(worker.process, nullptr, 0) < 0 && errno == EINTR) continue;
  }

  const std::function<std::string(std::size_t)>& job_;
  const std::function<void(std::size_t, std::size_t)>& progress_;
  std::vector<std::string> lines_;
  std::vector<Worker> workers_;
  std::size_t stride_ = 1;
  std::size_t done_ = 0;
};

}  // namespace

std::vector<std::string> run_in_workers(
    std::size_t count, const std::function<std::string(std::size_t)>& job,
    const std::function<void(std::size_t, std::size_t)>& progress) {
  return Workers(count, job, progress).run();
}

}  // namespace pstuck
