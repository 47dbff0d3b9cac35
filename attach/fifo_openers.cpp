#include "attach/fifo_openers.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <span>

#include "attach/descriptor.h"
#include "attach/live_threads.h"
#include "attach/local_files.h"
#include "attach/process_list.h"

namespace pstuck {
namespace {

// Shorter words stand in any memory.
constexpr std::size_t kShortestPath = 3;
constexpr std::size_t kMostOpeners = 4;
constexpr std::size_t kMostCandidates = 256;
// So much memory is searched at most, of all processes and for all FIFOs: half a second's work.
constexpr std::uint64_t kMostSearched = std::uint64_t{512} << 20;
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

std::optional<FileId> find_fifo(const ProcDirectory& process, const std::string& start,
                                const std::string& path, Mounts& mounts) {
  const auto file = find_local_file(process, start, path, mounts);
  if (!file || !S_ISFIFO(file->st_mode)) return {};
  return FileId{file->st_dev, file->st_ino};
}

/// That its first thread waits to open.
std::optional<FileId> find_opened(const ProcDirectory& process, Memory& memory, Mounts& mounts) {
  const auto call = parse_syscall(process.read("syscall").value_or(""));
  if (!call || call->syscall.state != SyscallState::kInSyscall) return {};
  const auto subject = find_call_subject(call->syscall.number, call->syscall.arguments, memory);
  if (!subject || subject->act != CallAct::kOpen) return {};
  return find_fifo_to_open(process, *subject, mounts);
}

/// Whether a process has a path that leads to a FIFO. The same name elsewhere is another one.
class KnownPaths {
 public:
  KnownPaths(const ProcDirectory& process, FileId fifo, const std::string& path, Mounts& mounts)
      : process_(process), mounts_(mounts), fifo_(fifo), name_(path.substr(path.rfind('/') + 1)) {}

  /// `searched`: how many bytes of memory were, which this adds to.
  bool lead_to_it(Memory& memory, std::uint64_t& searched) {
    if (are_in(process_.read("cmdline").value_or(""))) return true;
    std::uint64_t left = kMostBytes;
    std::string bytes;
    for (const Mapping& mapping : parse_maps(process_.read("maps").value_or(""))) {
      if (!is_own_data(mapping)) continue;
      for (Address at = mapping.start; at < mapping.end && left > 0; at = at + kStepBytes) {
        bytes.resize(std::min({mapping.end - at, kStepBytes, left}));
        bytes.resize(memory.read(at, std::as_writable_bytes(std::span(bytes))));
        left -= bytes.size();
        searched += bytes.size();
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
      return find_fifo(process_, "cwd", path, mounts_) == fifo_;
    });
  }

  const ProcDirectory& process_;
  Mounts& mounts_;
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

std::optional<FileId> find_fifo_to_open(const ProcDirectory& process, const CallSubject& subject,
                                        Mounts& mounts) {
  const auto start =
      subject.descriptors.empty() ? "cwd" : fmt::format("fd/{}", subject.descriptors.front());
  return find_fifo(process, start, subject.path, mounts);
}

const FifoOpeners::Execution& FifoOpeners::execution_of(Tid process) {
  const auto [entry, is_new] = executions_.try_emplace(process);
  if (!is_new) return entry->second;
  const ProcDirectory directory(proc_path(process));
  const auto mappings = parse_maps(directory.read("maps").value_or(""));
  const auto stack = std::ranges::find(mappings, "[stack]", &Mapping::path);
  entry->second.program = directory.read_link("exe");
  if (stack != mappings.end()) entry->second.end_of_stack = stack->end;
  return entry->second;
}

void FifoOpeners::find_candidates(Mounts& mounts) {
  candidates_.emplace();
  for (const ListedProcess& process : list_processes()) {
    sessions_.emplace(process.pid, process.session);
    if (candidates_->size() == kMostCandidates) continue;
    OtherMemory memory(process.pid);
    const auto fifo = find_opened(ProcDirectory(proc_path(process.pid)), memory, mounts);
    if (fifo) candidates_->push_back({process.pid, process.session, *fifo});
  }
}

std::vector<Tid> FifoOpeners::find(Tid process, FileId fifo, const std::string& path,
                                   Mounts& mounts) {
  if (!candidates_) find_candidates(mounts);
  std::vector<Tid> openers;
  const auto session = sessions_.find(process);
  if (session == sessions_.end()) return openers;
  for (const Candidate& candidate : *candidates_) {
    if (openers.size() == kMostOpeners || searched_ > kMostSearched) break;
    if (candidate.session != session->second || candidate.pid == process) continue;
    if (candidate.fifo == fifo) continue;
    if (execution_of(candidate.pid) == execution_of(process)) continue;
    const ProcDirectory directory(proc_path(candidate.pid));
    OtherMemory memory(candidate.pid);
    if (KnownPaths(directory, fifo, path, mounts).lead_to_it(memory, searched_)) {
      openers.push_back(candidate.pid);
    }
  }
  return openers;
}

}  // namespace pstuck
