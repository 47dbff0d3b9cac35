#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "attach/core_target.h"
#include "attach/error.h"
#include "attach/kept_cores.h"
#include "attach/live_target.h"

namespace pstuck {
namespace {

bool exists(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0;
}

/// A file may have a number for its name; then the process of that id comes first.
bool names_process(const std::string& spec) {
  const bool digits =
      !spec.empty() && std::ranges::all_of(spec, [](char c) { return c >= '0' && c <= '9'; });
  return digits && (!exists(spec) || exists("/proc/" + spec));
}

Tid parse_id(const std::string& digits) {
  Tid id;
  const auto end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, id.value).ec != std::errc{} || id.value == 0) {
    throw Error(ErrorKind::kNoSuchProcess, fmt::format("there is no process {}", digits),
                "list the processes: ps -e");
  }
  return id;
}

/// One that is gone may have left a core.
std::unique_ptr<Target> open_process(Tid id, const std::string& sysroot) {
  try {
    return open_live_target(id);
  } catch (Error& error) {
    const auto core =
        error.kind == ErrorKind::kNoSuchProcess ? find_kept_core(sysroot, id) : std::nullopt;
    if (core) error.hint = fmt::format("but systemd keeps a core of it: pstuck {}", *core);
    throw;
  }
}

}  // namespace

std::unique_ptr<Target> open_target(const std::string& spec, const TargetOptions& options) {
  if (!names_process(spec)) return open_core_target(spec, options);
  const Tid id = parse_id(spec);
  if (!options.executable.empty()) {
    throw Error(ErrorKind::kUsage,
                fmt::format("--exe is for cores, but {} is a running process", spec),
                fmt::format("leave out --exe: pstuck {}", spec));
  }
  auto target = open_process(id, options.places.sysroot);
  if (!options.places.sysroot.empty()) {
    throw Error(ErrorKind::kUsage,
                fmt::format("--sysroot is for cores, but {} is a running process", spec),
                fmt::format("leave out --sysroot: pstuck {}", spec));
  }
  return target;
}

}  // namespace pstuck
