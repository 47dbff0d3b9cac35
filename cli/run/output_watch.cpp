#include "cli/run/output_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "attach/error.h"

namespace pstuck {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(std::string_view what) {
  throw Error(ErrorKind::kOutput, fmt::format("cannot open {}: {}", what, std::strerror(errno)),
              "run it without --quiet");
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EAGAIN) {  // somebody has made it non-blocking
      pollfd room{descriptor, POLLOUT, 0};
      ::poll(&room, 1, -1);
    } else if (written < 0 && errno != EINTR) {
      return false;
    } else if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  return true;
}

/// Both lead to one file, pipe or terminal, where the order of what is written counts.
bool lead_to_the_same(int a, int b) {
  struct stat first {};
  struct stat second {};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace

OutputPump::OutputPump(std::vector<int> streams, int sink)
    : streams_(std::move(streams)),
      sink_(sink),
      is_terminal_(::isatty(sink) == 1),
      finish_(::eventfd(0, EFD_CLOEXEC)) {
  if (is_terminal_) {
    open_terminal();
  } else {
    open_pipe();
  }
}

void OutputPump::open_pipe() {
  auto pipe = pstuck::open_pipe();
  if (!pipe) fail("a pipe for the command's output");
  source_ = std::move(pipe->read_end);
  command_end_ = std::move(pipe->write_end);
}

// The command's controlling terminal stays the real one. That one also turns line ends into what it
// needs, so the other one must not.
void OutputPump::open_terminal() {
  source_ = Descriptor(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!source_.is_open() || ::grantpt(source_.get()) != 0 || ::unlockpt(source_.get()) != 0) {
    fail("a pseudo-terminal for the command's output");
  }
  std::array<char, 64> name{};
  if (::ptsname_r(source_.get(), name.data(), name.size()) == 0) {
    command_end_ = Descriptor(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  }
  if (!command_end_.is_open()) fail("a pseudo-terminal for the command's output");
  termios modes{};
  if (::tcgetattr(sink_, &modes) == 0) {
    modes.c_oflag &= ~static_cast<tcflag_t>(OPOST);
    modes.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(command_end_.get(), TCSANOW, &modes);
  }
  resize();
}

void OutputPump::resize() {
  const std::lock_guard lock(closes_source_);
  winsize size{};
  if (is_terminal_ && ::ioctl(sink_, TIOCGWINSZ, &size) == 0) {
    ::ioctl(source_.get(), TIOCSWINSZ, &size);
  }
}

std::vector<Stream> OutputPump::streams() const {
  std::vector<Stream> streams;
  for (const int stream : streams_) streams.push_back({.its = stream, .ours = command_end_.get()});
  return streams;
}

void OutputPump::start(LastOutput& last) {
  command_end_ = Descriptor();  // else the end would never come
  thread_ = std::thread([this, &last] { pump(last); });
}

/// False at the end, and when nobody wants it any more.
bool OutputPump::pass_on(LastOutput& last) {
  std::array<char, 65536> bytes;
  const ssize_t got = ::read(source_.get(), bytes.data(), bytes.size());
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  last = Clock::now();
  return write_all(sink_, {bytes.data(), static_cast<std::size_t>(got)});
}

/// False when finish() was called and nothing more comes.
bool OutputPump::wait_for_output() const {
  std::array<pollfd, 2> waiting{pollfd{source_.get(), POLLIN, 0}, pollfd{finish_.get(), POLLIN, 0}};
  while (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
  if (waiting[0].revents != 0) return true;
  // What was written to a terminal is on its way for a moment.
  constexpr int kMomentMs = 100;
  return is_terminal_ && ::poll(waiting.data(), 1, kMomentMs) > 0;
}

void OutputPump::pump(LastOutput& last) {
  while (wait_for_output() && pass_on(last)) continue;
  {
    const std::lock_guard lock(closes_source_);
    source_ = Descriptor();  // who still writes gets EPIPE, as without pstuck
  }
  done_.release();
}

void OutputPump::finish(std::optional<std::chrono::milliseconds> limit) {
  const std::uint64_t one = 1;
  if (::write(finish_.get(), &one, sizeof one) < 0) fail("an eventfd");
  if (limit && !done_.try_acquire_for(*limit)) return thread_.detach();
  thread_.join();
}

OutputWatch::OutputWatch() {
  if (lead_to_the_same(STDOUT_FILENO, STDERR_FILENO)) {
    pumps_.push_back(
        std::make_unique<OutputPump>(std::vector{STDOUT_FILENO, STDERR_FILENO}, STDOUT_FILENO));
    return;
  }
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
    pumps_.push_back(std::make_unique<OutputPump>(std::vector{stream}, stream));
  }
}

std::vector<Stream> OutputWatch::streams() const {
  std::vector<Stream> streams;
  for (const auto& pump : pumps_) {
    for (const Stream& stream : pump->streams()) streams.push_back(stream);
  }
  return streams;
}

void OutputWatch::start() {
  last_ = Clock::now();
  for (const auto& pump : pumps_) pump->start(last_);
}

void OutputWatch::finish(std::optional<std::chrono::milliseconds> limit) {
  for (const auto& pump : pumps_) pump->finish(limit);
}

void OutputWatch::resize() {
  for (const auto& pump : pumps_) pump->resize();
}

}  // namespace pstuck
