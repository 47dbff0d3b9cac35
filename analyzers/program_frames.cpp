#include "analyzers/program_frames.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "analyzers/waits/thread_descriptor.h"
#include "symbolize/function_patterns.h"

namespace pstuck {
namespace {

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_glibc(std::string_view module) {
  return starts_with_any(module, {"libc.so.6", "libc-2.", "libpthread.so", "libpthread-2."});
}

bool is_musl(std::string_view module) {
  return starts_with_any(module, {"ld-musl", "libc.musl"}) || module == "libc.so";
}

}  // namespace

FrameOwner owner_of_module(std::string_view module) {
  if (is_glibc(module) || is_musl(module)) return FrameOwner::kLibc;
  if (starts_with_any(module, {"ld-linux", "ld-2.", "librt.so", "librt-2.", "[vdso]", "linux-vdso",
                               "libtsan.so", "libasan.so"})) {
    return FrameOwner::kLibc;
  }
  if (starts_with_any(module, {"libstdc++.so", "libc++.so", "libc++abi.so", "libgomp.so"})) {
    return FrameOwner::kCppRuntime;
  }
  return FrameOwner::kProgram;
}

namespace {

// In a static binary only the name tells libc's functions from the program's: those that a blocked
// thread's stack begins or ends with.
bool is_libc_function(std::string_view name) {
  static constexpr std::array<std::string_view, 26> kCalls = {
      "accept",     "accept4", "clock_nanosleep", "clone",        "clone3",  "epoll_pwait",
      "epoll_wait", "fcntl",   "flock",           "nanosleep",    "open",    "pause",
      "poll",       "ppoll",   "pselect",         "read",         "recv",    "recvfrom",
      "recvmsg",    "select",  "sleep",           "start_thread", "syscall", "usleep",
      "wait4",      "write"};
  return std::ranges::find(kCalls, name) != kCalls.end() || name == "_start" ||
         starts_with_any(name, {"pthread_", "lll_", "futex_", "libc_", "syscall_cancel",
                                "internal_syscall_cancel", "mtx_", "cnd_", "sem_", "new_sem_"});
}

// musl's, as they stand in the symbol table.
bool is_musl_function(std::string_view name) {
  static constexpr std::array<std::string_view, 24> kNames = {"__clone",
                                                              "__cp_begin",
                                                              "__cp_end",
                                                              "__lock",
                                                              "__lockfile",
                                                              "__syscall_cp",
                                                              "__syscall_cp_c",
                                                              "__syscall_cp_asm",
                                                              "__timedwait",
                                                              "__timedwait_cp",
                                                              "__wait",
                                                              "_start_c",
                                                              "fgetc",
                                                              "fgets",
                                                              "fflush",
                                                              "fputc",
                                                              "fputs",
                                                              "fputs_unlocked",
                                                              "fread",
                                                              "fwrite",
                                                              "libc_start_main_stage2",
                                                              "puts",
                                                              "vfprintf",
                                                              "flockfile"};
  return std::ranges::find(kNames, name) != kNames.end();
}

// Of Rust's standard library, whose sources lie in library/ wherever it was built.
bool is_rust_runtime_code(const Location& location) {
  constexpr std::string_view kSources[] = {"/library/std/src/", "/library/core/src/",
                                           "/library/alloc/src/"};
  return location.file.ends_with(".rs") && std::ranges::any_of(kSources, [&](auto directory) {
           return location.file.find(directory) != std::string::npos;
         });
}

bool is_runtime_code(const Location& location) {
  if (is_rust_runtime_code(location)) return true;
  if (location.file.find("/include/c++/") != std::string::npos) return true;
  if (starts_with_any(location.function, {"__gthread_", "__gthrw_"})) return true;
  if (location.function.find("std::") == std::string::npos &&
      location.function.find("__gnu_cxx::") == std::string::npos) {
    return false;
  }
  return starts_with_any(bare_function_name(location.function), {"std::", "__gnu_cxx::"});
}

FrameOwner owner_of(const Location& location, LibcKind libc, bool linked_in) {
  const FrameOwner module = owner_of_module(location.module);
  if (module != FrameOwner::kProgram) return module;
  if (is_runtime_code(location)) return FrameOwner::kCppRuntime;
  if (!linked_in || location.inlined) return FrameOwner::kProgram;
  if (libc == LibcKind::kMusl && is_musl_function(location.function)) return FrameOwner::kLibc;
  if (location.function == "execute_native_thread_routine") return FrameOwner::kCppRuntime;
  return is_libc_function(plain_libc_name(location.function)) ? FrameOwner::kLibc
                                                              : FrameOwner::kProgram;
}

}  // namespace

LibcKind find_libc(const Snapshot& snapshot) {
  LibcKind found = LibcKind::kStaticOrNone;
  for (const Module& module : snapshot.modules) {
    const std::string_view name = base_name(module.path);
    if (is_musl(name)) return LibcKind::kMusl;
    if (is_glibc(name)) found = LibcKind::kGlibc;
  }
  return found;
}

LibcKind find_libc(const Snapshot& snapshot, Memory& memory) {
  // Both begin with a pointer to themselves; where the thread's id stands tells them apart.
  const LibcKind named = find_libc(snapshot);
  if (named != LibcKind::kStaticOrNone) return named;
  std::size_t fitting = 0;
  for (const ThreadSnapshot& thread : snapshot.threads) {
    const auto self = thread.registers.thread_pointer;
    const auto pointer = self ? memory.read_object<Address>(*self) : std::nullopt;
    if (!pointer || thread.tid_in_target.value <= 0) continue;
    const std::int32_t id = thread.tid_in_target.value;
    if (*pointer != *self ||
        memory.read_object<std::int32_t>(*self + kMuslDescriptorTidOffset) != id ||
        memory.read_object<std::int32_t>(*self + kDescriptorTidOffset) == id) {
      return named;
    }
    ++fitting;
  }
  return fitting > 0 ? LibcKind::kMusl : named;
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::ranges::any_of(prefixes,
                             [&](std::string_view prefix) { return text.starts_with(prefix); });
}

std::string_view plain_libc_name(std::string_view name) {
  for (const std::string_view end : {"@", ".", " [clone"}) name = name.substr(0, name.find(end));
  for (const std::string_view prefix : {"__GI_", "___", "__"}) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  return name;
}

ProgramFrames::ProgramFrames(const Snapshot& snapshot, const Stacks& stacks)
    : ProgramFrames(snapshot, stacks, find_libc(snapshot)) {}

ProgramFrames::ProgramFrames(const Snapshot& snapshot, const Stacks& stacks, LibcKind libc)
    : stacks_(stacks), libc_(libc) {
  const bool linked_in = find_libc(snapshot) == LibcKind::kStaticOrNone;
  // Without a symbol only the address itself tells one function from another.
  using Function = std::tuple<std::string_view, std::string_view, std::uint64_t>;
  std::map<Function, std::size_t> ids;
  for (const Location& location : stacks.locations) {
    owners_.push_back(owner_of(location, libc_, linked_in));
    const std::uint64_t offset = location.function.empty() ? location.module_offset : 0;
    const Function function{location.module, location.function, offset};
    function_ids_.push_back(ids.try_emplace(function, ids.size()).first->second);
  }
}

FrameOwner ProgramFrames::owner(const Frame& frame) const {
  return frame.location < owners_.size() ? owners_[frame.location] : FrameOwner::kProgram;
}

std::optional<std::size_t> ProgramFrames::innermost(const Stack& stack) const {
  const auto found = std::ranges::find(stack.frames, FrameOwner::kProgram,
                                       [&](const Frame& frame) { return owner(frame); });
  if (found == stack.frames.end()) return std::nullopt;
  return static_cast<std::size_t>(found - stack.frames.begin());
}

std::vector<std::size_t> ProgramFrames::functions(const Stack& stack) const {
  std::vector<std::size_t> own;
  std::vector<std::size_t> all;
  for (const Frame& frame : stack.frames) {
    if (frame.location >= owners_.size()) continue;
    all.push_back(frame.location);
    if (owner(frame) == FrameOwner::kProgram) own.push_back(frame.location);
  }
  return own.empty() ? all : own;
}

std::size_t ProgramFrames::function_id(std::size_t location) const {
  return function_ids_.at(location);
}

std::string_view ProgramFrames::name(const Frame& frame) const {
  const Location& at = location(frame);
  return at.function.empty() ? at.symbol : at.function;
}

const Location& ProgramFrames::location(const Frame& frame) const {
  static const Location kNowhere;
  return frame.location < stacks_.locations.size() ? stacks_.locations[frame.location] : kNowhere;
}

}  // namespace pstuck
