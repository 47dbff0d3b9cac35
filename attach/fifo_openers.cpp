#include "attach/fifo_openers.h"

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <span>

#include "attach/call_subject.h"
#include "attach/descriptor.h"
#include "attach/live_threads.h"
#include "attach/local_files.h"
#include "attach/process_list.h"

namespace pstuck {
namespace {

// Shorter names are words that stand in any memory.
constexpr std::size_t kShortestName = 3;
constexpr std::size_t kMostOpeners = 4;
// Of so many that wait to open FIFOs the memory is searched at most.
constexpr std::size_t kMostSearched = 16;
// So much of a process's own data is searched at most, and so much of one mapping at once.
constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kStepBytes = std::uint64_t{1} << 20;

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

bool knows_name(const ProcDirectory& process, OtherMemory& memory, const std::string& path) {
  if (has_file_name(process.read("cmdline").value_or(""), path)) return true;
  std::uint64_t left = kMostBytes;
  std::string bytes;
  for (const Mapping& mapping : parse_maps(process.read("maps").value_or(""))) {
    if (!is_own_data(mapping)) continue;
    for (Address at = mapping.start; at < mapping.end && left > 0; at = at + kStepBytes) {
      bytes.resize(std::min({mapping.end - at, kStepBytes, left}));
      bytes.resize(memory.read(at, std::as_writable_bytes(std::span(bytes))));
      left -= bytes.size();
      if (has_file_name(bytes, path)) return true;
      if (bytes.size() < kStepBytes) break;
    }
  }
  return false;
}

/// Whether its first thread waits to open a FIFO, but not this one.
bool opens_another_fifo(const ProcDirectory& process, OtherMemory& memory, FileId fifo) {
  const auto call = parse_syscall(process.read("syscall").value_or(""));
  if (!call || call->syscall.state != SyscallState::kInSyscall) return false;
  const auto subject = find_call_subject(call->syscall.number, call->syscall.arguments, memory);
  if (!subject || subject->act != CallAct::kOpen) return false;
  const std::string start = subject->descriptors.empty()
                                ? std::string("cwd")
                                : "fd/" + std::to_string(subject->descriptors.front());
  const auto file = find_local_file(process, start, subject->path);
  return file && S_ISFIFO(file->st_mode) && FileId{file->st_dev, file->st_ino} != fifo;
}

}  // namespace

bool has_file_name(std::string_view bytes, std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.size() < kShortestName) return false;
  const auto continues_name = [&](std::size_t at) {
    if (at >= bytes.size()) return false;
    const char c = bytes[at];
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  };
  for (auto at = bytes.find(name); at != std::string_view::npos; at = bytes.find(name, at + 1)) {
    const bool begins = at == 0 || !continues_name(at - 1);
    if (begins && !continues_name(at + name.size())) return true;
  }
  return false;
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
    if (!opens_another_fifo(directory, memory, fifo)) continue;
    ++searched;
    if (knows_name(directory, memory, path)) openers.push_back(other.pid);
  }
  return openers;
}

}  // namespace pstuck
