#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace pstuck {
namespace {

constexpr std::chrono::milliseconds kQuietAtFirst{500};
constexpr std::chrono::milliseconds kBetweenLines{100};
constexpr const char* kClearLine = "\r\x1b[K";

}  // namespace

Progress::Progress()
    : on_terminal_(::isatty(STDERR_FILENO) == 1),
      next_(std::chrono::steady_clock::now() + kQuietAtFirst) {}

Progress::~Progress() {
  if (shown_) fmt::print(stderr, "{}", kClearLine);
}

std::function<void(std::size_t, std::size_t)> Progress::step(std::string what) {
  if (!on_terminal_) return {};
  return [this, what = std::move(what)](std::size_t done, std::size_t total) {
    show(what, done, total);
  };
}

void Progress::show(const std::string& what, std::size_t done, std::size_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + kBetweenLines;
  shown_ = true;
  fmt::print(stderr, "{}{}  {}", kClearLine, what, done);
  if (total > 0) fmt::print(stderr, " of {}", total);
  std::fflush(stderr);
}

}  // namespace pstuck
