#include "cli/run/cores.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <sstream>

#include "attach/descriptor.h"
#include "attach/proc_files.h"
#include "cli/labels.h"
#include "cli/run/run_status.h"
#include "cli/run/start.h"
#include "cli/trouble.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kBlock = 512;  // what ulimit -f counts in, as POSIX has it

/// Bytes in memory that are no file's: so large its core is at least.
std::uint64_t own_bytes(Tid process) {
  const auto text = ProcDirectory(proc_path(process)).read("statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  std::istringstream(text.value_or("")) >> size >> resident >> shared;
  const long page = ::sysconf(_SC_PAGESIZE);
  return resident < shared ? 0 : (resident - shared) * static_cast<std::uint64_t>(page);
}

/// Its exit status; -1 when a signal ended it, or it could not be started.
int run_gcore(Tid process, const std::string& prefix, std::uint64_t most_blocks,
              const Signals& signals) {
  const Descriptor nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::vector<std::string> command{"sh",
                                         "-c",
                                         R"(ulimit -f "$1" && exec gcore -o "$2" "$3")",
                                         "sh",
                                         fmt::format("{}", most_blocks),
                                         prefix,
                                         fmt::format("{}", process.value)};
  const Started started = start_command(command, &signals,
                                        {{STDIN_FILENO, nowhere.get()},
                                         {STDOUT_FILENO, nowhere.get()},
                                         {STDERR_FILENO, nowhere.get()}});
  int status = 0;
  while (started.pid > 0 && ::waitpid(started.pid, &status, 0) < 0 && errno == EINTR) continue;
  return started.pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Why there is no core; empty where there is one.
std::string write_core(Tid process, std::uint64_t& left, const Signals& signals,
                       Artifacts& artifacts) {
  const std::uint64_t size = own_bytes(process);
  if (size > left) {
    return fmt::format("it has {} in memory, and --cores leaves {}", size_words(size),
                       size_words(left));
  }
  const std::uint64_t blocks = left / kBlock;
  const int status = run_gcore(process, artifacts.path("unfinished"), blocks, signals);
  if (status == kNotFound) return "there is no gcore; it comes with gdb";
  const std::string unfinished = artifacts.path(fmt::format("unfinished.{}", process.value));
  struct stat file {};
  const bool exists = ::stat(unfinished.c_str(), &file) == 0;
  const auto written = static_cast<std::uint64_t>(file.st_size);
  // gdb does not mind a full file.
  const std::string name = fmt::format("core.{}", process.value);
  const bool is_whole = status == 0 && exists && written < blocks * kBlock;
  if (is_whole && ::rename(unfinished.c_str(), artifacts.path(name).c_str()) == 0) {
    left -= written;
    artifacts.add(name);
    return {};
  }
  if (exists) ::unlink(unfinished.c_str());
  return status == 0 ? fmt::format("it is larger than the {} that --cores leaves", size_words(left))
                     : fmt::format("gcore failed with status {}", status);
}

}  // namespace

void write_cores(const Reports& reports, std::uint64_t most_bytes, const Signals& signals,
                 Artifacts& artifacts) {
  std::uint64_t left = most_bytes;
  for (const ProcessIndex i : find_hanging(reports)) {
    const Report& report = reports.targets[i];
    const std::string why_not = write_core(report.snapshot.process.pid, left, signals, artifacts);
    if (why_not.empty()) continue;
    report_trouble({ErrorKind::kOutput,
                    fmt::format("no core of {}: {}", Labels(report).process(), why_not), ""});
  }
}

}  // namespace pstuck
