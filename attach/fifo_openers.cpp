#include "attach/fifo_openers.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <span>

#include "attach/call_subject.h"
#include "attach/descriptor.h"
#include "attach/live_threads.h"
#include "attach/local_files.h"
#include "attach/process_list.h"

namespace pstuck {
namespace {

// Shorter words stand in any memory.
constexpr std::size_t kShortestPath = 3;
constexpr std::size_t kMostOpeners = 4;
// Of so many that wait to open FIFOs the memory is searched at most.
constexpr std::size_t kMostSearched = 16;
// So much of a process's own data is searched at most, and so much of one mapping at once.
constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kStepBytes = std::uint64_t{1} << 20;
// So many of what can be paths are tried at most, of the kernel's greatest length.
constexpr std::size_t kMostPaths = 64;
constexpr std::size_t kLongestPath = 4096;
// So often the name is looked at in one step: each time costs two paths' lengths.
constexpr std::size_t kMostNames = 1024;

class OtherMemory final : public Memory {
 public:
  explicit OtherMemory(Tid process)
      : file_(::open(proc_path(process, "mem").c_str(), O_RDONLY | O_CLOEXEC)) {}

  std::size_t read(Address from, std::span<std::byte> into) noexcept override {
    return read_at(file_.get(), from.value, into);
  }

 private:
  Descriptor file_;
};

/// Heap, stack and other memory of the process's own.
bool is_own_data(const Mapping& mapping) {
  return mapping.writable && !mapping.shared && mapping.inode == 0;
}

/// What a process waits to open: a path, and the link in its /proc from which that begins.
struct PathToOpen {
  std::string start;
  std::string path;
};

std::optional<FileId> find_fifo(const ProcDirectory& process, const PathToOpen& at) {
  const auto file = find_local_file(process, at.start, at.path);
  if (!file || !S_ISFIFO(file->st_mode)) return {};
  return FileId{file->st_dev, file->st_ino};
}

/// What its first thread waits to open.
std::optional<PathToOpen> find_opened(const ProcDirectory& process, Memory& memory) {
  const auto call = parse_syscall(process.read("syscall").value_or(""));
  if (!call || call->syscall.state != SyscallState::kInSyscall) return {};
  const auto subject = find_call_subject(call->syscall.number, call->syscall.arguments, memory);
  if (!subject || subject->act != CallAct::kOpen) return {};
  return PathToOpen{
      subject->descriptors.empty() ? "cwd" : fmt::format("fd/{}", subject->descriptors.front()),
      subject->path};
}

/// Whether a process that waits to open one FIFO knows another. The same name elsewhere is another
/// FIFO: so what it has must lead there, from its working directory or, where it has a name alone,
/// from the directory of the FIFO that it opens.
class KnownPaths {
 public:
  KnownPaths(const ProcDirectory& process, const PathToOpen& opened, FileId fifo,
             const std::string& path)
      : process_(process), opened_(opened), fifo_(fifo), name_(path.substr(path.rfind('/') + 1)) {}

  bool lead_to_it(Memory& memory) {
    if (are_in(process_.read("cmdline").value_or(""))) return true;
    std::uint64_t left = kMostBytes;
    std::string bytes;
    for (const Mapping& mapping : parse_maps(process_.read("maps").value_or(""))) {
      if (!is_own_data(mapping)) continue;
      for (Address at = mapping.start; at < mapping.end && left > 0; at = at + kStepBytes) {
        bytes.resize(std::min({mapping.end - at, kStepBytes, left}));
        bytes.resize(memory.read(at, std::as_writable_bytes(std::span(bytes))));
        left -= bytes.size();
        if (are_in(bytes)) return true;
        if (bytes.size() < kStepBytes) break;
      }
    }
    return false;
  }

 private:
  bool are_in(std::string_view bytes) {
    return std::ranges::any_of(find_paths(bytes, name_), [&](const std::string& path) {
      if (tried_.size() == kMostPaths || !tried_.insert(path).second) return false;
      if (find_fifo(process_, {"cwd", path}) == fifo_) return true;
      const bool is_name = path == name_ || path == '/' + name_;
      const std::size_t directory = opened_.path.rfind('/') + 1;
      return is_name && find_fifo(process_, {opened_.start,
                                             opened_.path.substr(0, directory) + name_}) == fifo_;
    });
  }

  const ProcDirectory& process_;
  const PathToOpen& opened_;
  FileId fifo_;
  std::string name_;
  std::set<std::string> tried_;
};

bool continues_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

/// Also all that is not ASCII.
bool continues_path(char c) {
  constexpr std::string_view kOthers = "/+@%~,#";
  return continues_name(c) || kOthers.find(c) != std::string_view::npos ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::vector<std::string> find_paths(std::string_view bytes, std::string_view name) {
  std::vector<std::string> paths;
  if (name.empty()) return paths;
  const auto add = [&](std::string_view path) {
    if (path.size() < kShortestPath || paths.size() == kMostPaths) return;
    if (std::ranges::find(paths, path) == paths.end()) paths.emplace_back(path);
  };
  std::size_t names = 0;
  for (auto at = bytes.find(name); at != std::string_view::npos; at = bytes.find(name, at + 1)) {
    if (++names > kMostNames) break;
    const std::size_t end = at + name.size();
    if (at > 0 && continues_name(bytes[at - 1])) continue;
    if (end < bytes.size() && continues_name(bytes[end])) continue;
    std::size_t common = at;
    while (common > 0 && end - common < kLongestPath && continues_path(bytes[common - 1])) --common;
    add(bytes.substr(common, end - common));
    std::size_t whole = common;
    while (whole > 0 && end - whole < kLongestPath && bytes[whole - 1] != '\0') --whole;
    add(bytes.substr(whole, end - whole));
  }
  return paths;
}

std::vector<Tid> find_fifo_openers(Tid process, FileId fifo, const std::string& path) {
  const std::vector<ListedProcess> list = list_processes();
  const auto self = std::ranges::find(list, process, &ListedProcess::pid);
  std::vector<Tid> openers;
  if (self == list.end()) return openers;
  std::size_t searched = 0;
  for (const ListedProcess& other : list) {
    if (openers.size() == kMostOpeners || searched == kMostSearched) break;
    if (other.session != self->session || other.pid == process) continue;
    const ProcDirectory directory(proc_path(other.pid));
    OtherMemory memory(other.pid);
    const auto opened = find_opened(directory, memory);
    const auto its_fifo = opened ? find_fifo(directory, *opened) : std::nullopt;
    if (!its_fifo || its_fifo == fifo) continue;
    ++searched;
    if (KnownPaths(directory, *opened, fifo, path).lead_to_it(memory)) openers.push_back(other.pid);
  }
  return openers;
}

}  // namespace pstuck
