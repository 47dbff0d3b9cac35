#include "cli/run/start.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace pstuck {
namespace {

/// In the child, between fork and exec.
[[noreturn]] void become(std::vector<char*>& words, const Signals* signals,
                         const std::vector<Stream>& streams, int tell_error) {
  ::setpgid(0, 0);
  for (const Stream& stream : streams) ::dup2(stream.ours, stream.its);
  if (signals != nullptr) signals->restore();
  ::execvp(words.front(), words.data());
  const int error = errno;
  ::_exit(::write(tell_error, &error, sizeof error) == sizeof error ? 0 : 1);
}

/// 0 at the end of file: the command was executed.
int read_error(int from) {
  int error = 0;
  while (::read(from, &error, sizeof error) < 0 && errno == EINTR) continue;
  return error;
}

}  // namespace

Started start_command(const std::vector<std::string>& words, const Signals* signals,
                      const std::vector<Stream>& streams) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  auto pipe = open_pipe();
  if (!pipe) return {.error = errno};
  auto [read_end, write_end] = *std::move(pipe);

  const pid_t child = ::fork();
  if (child < 0) return {.error = errno};
  if (child == 0) become(arguments, signals, streams, write_end.get());
  ::setpgid(child, child);  // whoever comes first: the group must exist before it gets a signal
  write_end = Descriptor();
  const int error = read_error(read_end.get());
  if (error == 0) return {.pid = child};
  ::waitpid(child, nullptr, 0);
  return {.error = error};
}

}  // namespace pstuck
