#include "analyzers/waits/library_names.h"

#include <algorithm>
#include <utility>

#include "analyzers/waits/libc_lock_names.h"

// A futex that holds 2 can be a pthread mutex, a lock inside malloc or stdio, a GMutex or Rust's
// std::sync::Mutex. The names on libc's part of the stack tell them apart; the innermost name that
// means anything decides, as in
//
//     __lll_lock_wait        means nothing: all of libc's locks wait here
//     pthread_mutex_lock     a mutex, decided
//     _dl_open               (not looked at)
//
// Everything that sleeps through syscall() is none of libc's own primitives. A stripped libc has
// few names; there the decoded call says which function the program called.

namespace pstuck {
namespace {

using Names = std::initializer_list<std::string_view>;

bool is_any(std::string_view text, Names names) {
  return std::ranges::find(names, text) != names.end();
}

bool means_nothing(std::string_view name) {
  return name.empty() ||
         starts_with_any(name, {"lll_", "futex_", "syscall_cancel", "internal_syscall_cancel"});
}

bool is_stdio(std::string_view name) {
  return is_any(name, {"fputs",         "fputc",        "putc",         "puts",     "putchar",
                       "fwrite",        "fread",        "fgets",        "fgetc",    "getc",
                       "getchar",       "printf",       "fprintf",      "vfprintf", "vprintf",
                       "fflush",        "fclose",       "fopen",        "getline",  "getdelim",
                       "ungetc",        "fseek",        "fseeko",       "ftell",    "ftello",
                       "rewind",        "fgetpos",      "fsetpos",      "setvbuf",  "setbuf",
                       "fscanf",        "scanf",        "vfscanf",      "perror",   "flockfile",
                       "fputws",        "fputwc",       "feof",         "ferror",   "fileno",
                       "freopen",       "fdopen",       "dprintf",      "putw",     "getw",
                       "fgetws",        "fgetwc",       "getwchar",     "putwchar", "wprintf",
                       "vscanf",        "fwscanf",      "wscanf",       "clearerr", "isoc99_scanf",
                       "isoc99_fscanf", "isoc23_scanf", "isoc23_fscanf"}) ||
         starts_with_any(name, {"_IO_", "IO_", "vfprintf_", "vfwprintf", "fwprintf"});
}

// Another primitive of libc's, or a function of it that must not be taken for one that locks.
bool is_other_libc(std::string_view name) {
  return is_any(name, {"syscall", "getrandom"}) ||
         starts_with_any(name, {"pthread_", "cxa_guard_", "thrd_", "libc_"});
}

bool is_foreign(std::string_view name) {
  return starts_with_any(
      name, {"g_mutex_", "g_rw_lock_", "g_cond_", "QBasicMutex", "QMutex", "QFutexMutex",
             "std::sys::", "std::sync::", "absl::", "folly::", "parking_lot",
             "tbb::", "runtime.futex", "std::__detail::__platform_wait", "std::__atomic_"});
}

constexpr std::pair<std::string_view, NameMeans> kPrimitives[] = {
    {"pthread_mutex_", NameMeans::kMutex},
    {"mtx_", NameMeans::kMutex},
    {"pthread_cond_", NameMeans::kCondition},
    {"cnd_", NameMeans::kCondition},
    {"std::condition_variable", NameMeans::kCondition},
    {"pthread_rwlock_", NameMeans::kRwlock},
    {"sem_", NameMeans::kSemaphore},
    {"new_sem_", NameMeans::kSemaphore},
    {"old_sem_", NameMeans::kSemaphore},
    {"do_futex_wait", NameMeans::kSemaphore},  // of sem_wait, until glibc 2.32
    {"pthread_barrier_", NameMeans::kBarrier},
    {"pthread_once", NameMeans::kOnce},
    {"call_once", NameMeans::kOnce},
    {"pthread_spin_", NameMeans::kSpinlock},
};

std::string_view plain_name_of(const Frame& frame, const ProgramFrames& frames) {
  return plain_libc_name(frames.name(frame));
}

NameMeans meaning_of_frame(const Frame& frame, const ProgramFrames& frames) {
  return meaning_of(frames.name(frame));
}

// A function of libc that has a name, and not a mutex's, is another reason to wait.
NameMeans meaning_in_libc(const Frame& frame, const ProgramFrames& frames) {
  const NameMeans means = meaning_of_frame(frame, frames);
  return means == NameMeans::kUnknown ? NameMeans::kElse : means;
}

// In a static binary most of libc's functions look like the program's. The program's own wrapper
// of a mutex or a condition variable says nothing that libc's frames below it do not.
bool speaks_for_its_caller(NameMeans means) {
  return means != NameMeans::kNothing && means != NameMeans::kUnknown &&
         means != NameMeans::kMutex && means != NameMeans::kCondition;
}

void add_name(std::string_view name, NamedWait& named) {
  if (name.empty()) return;
  if (named.libc_functions.empty()) named.in_private_lock = name == "lll_lock_wait_private";
  named.libc_functions.push_back(name);
}

}  // namespace

NameMeans meaning_of(std::string_view function) {
  std::string_view name = plain_libc_name(function);
  constexpr std::string_view kFortified = "_chk";
  if (name.ends_with(kFortified)) name.remove_suffix(kFortified.size());
  if (means_nothing(name)) return NameMeans::kNothing;
  for (const auto& [prefix, means] : kPrimitives) {
    if (name.starts_with(prefix)) return means;
  }
  if (find_libc_lock(name)) return NameMeans::kLibcLock;
  if (is_stdio(name)) return NameMeans::kStdio;
  if (is_other_libc(name) || is_foreign(name)) return NameMeans::kElse;
  return NameMeans::kUnknown;
}

bool NamedWait::rules_out(NameMeans primitive) const {
  const auto is_another = [&](NameMeans means) {
    return means != primitive && means != NameMeans::kNothing && means != NameMeans::kUnknown &&
           !(primitive == NameMeans::kMutex && means == NameMeans::kCondition);
  };
  if (outside_libc || is_another(frames)) return true;
  return frames == NameMeans::kNothing && is_another(call_site);
}

NamedWait read_names(const Stack& stack, const ProgramFrames& frames) {
  NamedWait named{.call_site = meaning_of(stack.library_call)};
  named.under_condition = named.call_site == NameMeans::kCondition;
  const auto outside = std::ranges::find_if(
      stack.frames, [&](const Frame& frame) { return frames.owner(frame) != FrameOwner::kLibc; });
  named.outside_libc =
      frames.libc() == LibcKind::kGlibc && !stack.frames.empty() && outside == stack.frames.begin();
  for (auto frame = stack.frames.begin(); frame != outside; ++frame) {
    const NameMeans means = meaning_in_libc(*frame, frames);
    if (means == NameMeans::kCondition) named.under_condition = true;
    if (named.frames == NameMeans::kNothing) named.frames = means;
    add_name(plain_name_of(*frame, frames), named);
  }
  if (outside != stack.frames.end() && named.frames == NameMeans::kNothing) {
    const NameMeans means = meaning_of_frame(*outside, frames);
    if (speaks_for_its_caller(means)) {
      named.frames = means;
      add_name(plain_name_of(*outside, frames), named);
    }
  }
  add_name(plain_libc_name(stack.library_call), named);
  return named;
}

}  // namespace pstuck
