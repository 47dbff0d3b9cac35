#include "attach/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>

namespace pstuck {

ProcDirectory::ProcDirectory(const std::string& path)
    : directory_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

std::optional<std::string> ProcDirectory::read(const std::string& name, std::size_t most) const {
  const Descriptor file(::openat(directory_.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return {};
  std::string text;
  std::array<char, 16 * 1024> piece;
  while (text.size() < most) {
    const ssize_t got =
        ::read(file.get(), piece.data(), std::min(piece.size(), most - text.size()));
    // A thread that exits half-way makes the file end with ESRCH: what came before still counts.
    if (got < 0 && text.empty()) return {};
    if (got <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string ProcDirectory::read_link(const std::string& name) const {
  std::array<char, 4096> text;
  const ssize_t got = ::readlinkat(directory_.get(), name.c_str(), text.data(), text.size());
  return got <= 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(got));
}

Descriptor ProcDirectory::open_place(const std::string& name) const {
  return Descriptor(::openat(directory_.get(), name.c_str(), O_PATH | O_CLOEXEC));
}

bool ProcDirectory::read_status_of(const std::string& name, struct stat& status) const {
  return ::fstatat(directory_.get(), name.c_str(), &status, 0) == 0;
}

std::vector<Tid> ProcDirectory::read_ids() const {
  // A stream of its own: the position of directory_ must stay at the start.
  const int again = ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(again < 0 ? nullptr : ::fdopendir(again),
                                                   ::closedir);
  std::vector<Tid> ids;
  if (!stream) return ids;
  while (const dirent* entry = ::readdir(stream.get())) {
    const char* end = entry->d_name + std::strlen(entry->d_name);
    Tid id;
    if (std::from_chars(entry->d_name, end, id.value).ptr == end) ids.push_back(id);
  }
  std::ranges::sort(ids);
  return ids;
}

std::string proc_path(Tid id, std::string_view name) {
  return name.empty() ? fmt::format("/proc/{}", id.value)
                      : fmt::format("/proc/{}/{}", id.value, name);
}

std::optional<SyscallFacts> read_syscall(const ProcDirectory& tasks, Tid thread) {
  const auto text = tasks.read(fmt::format("{}/syscall", thread.value));
  return text ? parse_syscall(*text) : std::nullopt;
}

std::optional<ContextSwitches> read_switches(const ProcDirectory& tasks, Tid thread) {
  const auto text = tasks.read(fmt::format("{}/status", thread.value));
  return text ? parse_status(*text).switches : std::nullopt;
}

}  // namespace pstuck
