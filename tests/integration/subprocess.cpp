#include "tests/integration/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace pstuck::testing {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  int read = -1;
  int write = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  return {ends[0], ends[1]};
}

int left_ms(Clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

/// In the child, between fork and exec.
[[noreturn]] void become(std::vector<char*>& arguments, const std::array<int, 3>& streams,
                         uid_t user) {
  setpgid(0, 0);
  for (int stream = 0; stream < 3; ++stream)
    dup2(streams[static_cast<std::size_t>(stream)], stream);
  if (user != 0 && (setgid(user) != 0 || setuid(user) != 0)) _exit(126);
  execvp(arguments.front(), arguments.data());
  _exit(127);
}

/// Appends what can be read; false at the end of the stream.
bool append_from(int& stream, std::string& text) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(stream, buffer.data(), buffer.size());
  if (got > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }
  if (got < 0 && errno == EINTR) return true;
  close(stream);
  stream = -1;
  return false;
}

}  // namespace

Subprocess::Subprocess(const Command& command, uid_t user) {
  const Pipe in = make_pipe();
  const Pipe out = make_pipe();
  const Pipe err = make_pipe();
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) become(arguments, {in.read, out.write, err.write}, user);
  close(in.read);
  close(out.write);
  close(err.write);
  in_ = in.write;
  out_ = out.read;
  err_ = err.read;
  if (pid_ < 0) throw std::runtime_error("fork failed");
  setpgid(pid_, pid_);  // whoever comes first: the group must exist before it may be killed
}

Subprocess::~Subprocess() {
  if (in_ >= 0) close(in_);
  kill(-pid_, SIGTERM);
  poll_until([this] { return reaped_ || try_reap(WNOHANG); }, std::chrono::seconds(5));
  kill(-pid_, SIGKILL);
  if (!reaped_) try_reap(0);
  if (out_ >= 0) close(out_);
  if (err_ >= 0) close(err_);
}

bool Subprocess::read_some(int timeout_ms) {
  std::array<pollfd, 2> waiting = {pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
  if (poll(waiting.data(), waiting.size(), timeout_ms) <= 0) return false;
  if (waiting[0].revents != 0) append_from(out_, out_text_);
  if (waiting[1].revents != 0) append_from(err_, err_text_);
  return true;
}

std::string Subprocess::read_line(std::chrono::seconds limit) {
  const auto until = Clock::now() + limit;
  while (true) {
    const std::size_t end = out_text_.find('\n');
    if (end != std::string::npos) {
      std::string line = out_text_.substr(0, end);
      out_text_.erase(0, end + 1);
      return line;
    }
    if (out_ < 0 || left_ms(until) == 0) return {};
    read_some(left_ms(until));
  }
}

void Subprocess::write_line(const std::string& line) const {
  const std::string text = line + "\n";
  if (::write(in_, text.data(), text.size()) < 0) throw std::runtime_error("write failed");
}

Outcome Subprocess::finish(std::chrono::seconds limit) {
  if (in_ >= 0) close(in_);
  in_ = -1;
  const auto until = Clock::now() + limit;
  while ((out_ >= 0 || err_ >= 0) && left_ms(until) > 0) read_some(left_ms(until));
  if (left_ms(until) == 0) {
    err_text_ += "\n(killed by the test: it took too long)";
    kill_now();
  }
  if (!reaped_) try_reap(0);
  Outcome outcome{-1, 0, out_text_, err_text_};
  if (WIFEXITED(wait_status_)) outcome.status = WEXITSTATUS(wait_status_);
  if (WIFSIGNALED(wait_status_)) outcome.signal = WTERMSIG(wait_status_);
  return outcome;
}

void Subprocess::kill_now() const { kill(pid_, SIGKILL); }

bool Subprocess::try_reap(int options) {
  pid_t got = -1;
  do {
    got = waitpid(pid_, &wait_status_, options);
  } while (got < 0 && errno == EINTR);
  reaped_ = got != 0;
  return reaped_;
}

Outcome run(const Command& command, uid_t user) { return Subprocess(command, user).finish(); }

}  // namespace pstuck::testing
