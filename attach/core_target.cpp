#include "attach/core_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "attach/aarch64_registers.h"
#include "attach/core_file.h"
#include "attach/core_link_map.h"
#include "attach/core_mappings.h"
#include "attach/core_memory.h"
#include "attach/core_modules.h"
#include "attach/core_notes.h"
#include "attach/elf_image.h"
#include "attach/error.h"
#include "attach/modules.h"

namespace pstuck {
namespace {

[[noreturn]] void throw_no_threads(const CoreFile& core) {
  const bool cut = core.missing_bytes() > 0;
  throw Error(ErrorKind::kUnreadable,
              fmt::format("{} has no notes about threads{}", core.name(),
                          cut ? ": it is cut off before them" : ""),
              "dump again: gcore PID, or with ulimit -c unlimited and room on the disk");
}

/// The kernel's own io_uring workers are dumped as threads that were never in user code.
bool runs_user_code(const CoreThread& thread) {
  const Registers& registers = thread.user.registers;
  constexpr Address kNone;
  return registers.stack_pointer() != kNone || registers.program_counter() != kNone;
}

std::vector<ThreadSnapshot> make_threads(const CoreNotes& notes) {
  std::vector<ThreadSnapshot> threads;
  for (const CoreThread& thread : notes.threads) {
    if (!runs_user_code(thread)) continue;
    threads.push_back({.tid = thread.tid,
                       .tid_in_target = thread.tid,
                       .syscall = thread.user.syscall,
                       .capture = CaptureWay::kFromCore,
                       .registers = thread.user.registers});
    // The notes have one name, that of the first thread, which has the process's id.
    if (notes.process && notes.process->pid == thread.tid) {
      threads.back().name = notes.process->name;
    }
  }
  std::ranges::stable_sort(threads, {}, &ThreadSnapshot::tid);
  const auto same_id = [](const auto& a, const auto& b) { return a.tid == b.tid; };
  threads.erase(std::unique(threads.begin(), threads.end(), same_id), threads.end());
  return threads;
}

bool is_of_an_instruction(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE ||
         signal == SIGTRAP;
}

/// The kernel's own codes are positive, those of calls that send a signal are not (sigaction(2)).
std::optional<CrashFacts> find_crash(const CoreNotes& notes) {
  const CoreThread& first = notes.threads.front();
  if (first.signal == 0) return {};
  CrashFacts crash{.thread = first.tid};
  // A core of gdb's has what the thread got last, whatever that was.
  if (!first.received || first.received->number != first.signal) return crash;
  const CoreSignal& received = *first.received;
  crash.code = received.code;
  if (received.code > 0) {
    if (!is_of_an_instruction(first.signal)) return crash;
    crash.cause = CrashCause::kFault;
    if (received.code != SI_KERNEL) crash.address = received.address;
  } else if (received.code == SI_USER || received.code == SI_TKILL || received.code == SI_QUEUE) {
    const bool own = notes.process && notes.process->pid == received.sender;
    crash.cause = own ? CrashCause::kRaised : CrashCause::kSent;
    crash.sender = received.sender;
  }
  return crash;
}

std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> arguments;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) arguments.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return arguments;
}

Process make_process(const CoreNotes& notes) {
  if (!notes.process) return {};
  return {.pid = notes.process->pid,
          .pid_in_target = notes.process->pid,
          .parent = notes.process->parent,
          .name = notes.process->name,
          .command_line = split_arguments(notes.process->arguments)};
}

std::optional<std::size_t> find_executable(const std::vector<Module>& modules,
                                           const CoreAuxiliaryVector& auxiliary) {
  for (const auto& inside : {auxiliary.program_headers, auxiliary.entry}) {
    if (!inside) continue;
    const auto found = std::ranges::find_if(modules, [&](const Module& module) {
      return module.start <= *inside && *inside < module.end;
    });
    if (found != modules.end()) return static_cast<std::size_t>(found - modules.begin());
  }
  return {};
}

class CoreTarget final : public Target {
 public:
  CoreTarget(const std::string& path, const TargetOptions& options);

  Snapshot capture(const CaptureOptions&) override { return snapshot_; }
  Memory& memory() override { return memory_; }
  std::optional<TaskElsewhere> find_task(Tid) override { return {}; }
  std::optional<Look> look_again(std::span<const Tid>, std::span<const Address>) override {
    return {};
  }
  std::optional<Sample> sample(const Snapshot&, const SampleRequest&) override { return {}; }

 private:
  [[nodiscard]] std::vector<CoreMemory::Piece> dumped_pieces() const;
  void find_modules_and_files(const CoreNotes& notes, std::vector<CoreMemory::Piece> pieces,
                              const TargetOptions& options);
  void find_syscalls();

  CoreFile core_;
  LocalFiles local_;
  CoreMemory memory_;
  Snapshot snapshot_;
};

CoreTarget::CoreTarget(const std::string& path, const TargetOptions& options)
    : core_(path, options.progress) {
  CoreNotes notes = read_core_notes(core_.bytes(), core_.notes(), core_.machine());
  snapshot_.kind = TargetKind::kCore;
  snapshot_.machine = core_.machine();
  snapshot_.threads = make_threads(notes);
  if (snapshot_.threads.empty()) throw_no_threads(core_);
  snapshot_.core = CoreFacts{.path = path,
                             .signal = notes.threads.front().signal,
                             .missing_bytes = core_.missing_bytes(),
                             .crash = find_crash(notes)};
  if (core_.missing_bytes() > 0) {
    snapshot_.blind_spots.push_back(
        {BlindSpotKind::kCoreTruncated, fmt::format("{}", core_.missing_bytes())});
  }
  if (core_.machine() != Machine::kX86_64) {
    snapshot_.blind_spots.push_back(
        {BlindSpotKind::kOtherMachine, std::string(machine_name(core_.machine()))});
  }
  if (!core_.damage().empty()) {
    snapshot_.blind_spots.push_back({BlindSpotKind::kCoreDamaged, core_.damage()});
  }
  snapshot_.process = make_process(notes);
  const auto dumped = dumped_pieces();
  memory_.set_pieces(dumped);
  if (notes.files.empty()) {
    notes.files = find_files_by_link_map(memory_, notes.auxiliary, core_.machine(), options);
  }
  snapshot_.mappings = make_core_mappings(core_.segments(), notes.files, notes.auxiliary.vdso);
  find_modules_and_files(notes, dumped, options);
  if (core_.machine() == Machine::kAArch64) find_syscalls();
}

std::vector<CoreMemory::Piece> CoreTarget::dumped_pieces() const {
  std::vector<CoreMemory::Piece> pieces;
  for (const CoreSegment& segment : core_.segments()) {
    if (segment.in_file.size() == 0) continue;
    pieces.push_back({segment.start, segment.in_file, &core_.bytes()});
  }
  return pieces;
}

/// With the files: code is not in cores.
void CoreTarget::find_syscalls() {
  for (ThreadSnapshot& thread : snapshot_.threads) {
    thread.syscall = find_aarch64_syscall(thread.registers, memory_);
  }
}

void CoreTarget::find_modules_and_files(const CoreNotes& notes,
                                        std::vector<CoreMemory::Piece> pieces,
                                        const TargetOptions& options) {
  snapshot_.modules = find_modules(snapshot_.mappings, memory_, core_.machine());
  const auto executable = find_executable(snapshot_.modules, notes.auxiliary);
  if (executable) {
    snapshot_.process.executable = snapshot_.modules[*executable].path;
  } else if (!options.executable.empty()) {
    throw Error(ErrorKind::kMismatch,
                fmt::format("{} does not tell where its program was loaded, so that {} cannot be "
                            "held against it",
                            core_.name(), options.executable),
                "leave out --exe");
  } else if (notes.auxiliary.executable_name) {
    snapshot_.process.executable = memory_.read_text(*notes.auxiliary.executable_name);
  }

  local_ = find_local_files(core_, snapshot_.mappings, memory_, snapshot_.modules,
                            {executable, notes.auxiliary.page_size}, options);
  std::ranges::move(local_.blind_spots, std::back_inserter(snapshot_.blind_spots));
  std::ranges::copy(local_.pieces, std::back_inserter(pieces));
  memory_.set_pieces(std::move(pieces));
}

}  // namespace

std::unique_ptr<Target> open_core_target(const std::string& path, const TargetOptions& options) {
  return std::make_unique<CoreTarget>(path, options);
}

}  // namespace pstuck
