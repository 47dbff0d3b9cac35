#include "analyzers/waits/library_names.h"

#include <algorithm>

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

bool starts_with_any(std::string_view text, Names prefixes) {
  return std::ranges::any_of(prefixes,
                             [&](std::string_view prefix) { return text.starts_with(prefix); });
}

bool is_any(std::string_view text, Names names) {
  return std::ranges::find(names, text) != names.end();
}

bool means_nothing(std::string_view name) {
  return name.empty() ||
         starts_with_any(name, {"lll_", "futex_", "syscall_cancel", "internal_syscall_cancel"});
}

bool is_other_pthread(std::string_view name) {
  return starts_with_any(name, {"pthread_", "sem_", "new_sem_", "old_sem_", "do_futex_wait",
                                "call_once", "cxa_guard_", "thrd_"});
}

bool is_allocator(std::string_view name) {
  return is_any(name, {"malloc", "free", "calloc", "realloc", "memalign", "aligned_alloc",
                       "posix_memalign", "valloc", "_int_malloc", "_int_free", "_int_realloc",
                       "_int_memalign", "mallopt", "mallinfo", "mallinfo2", "fork"}) ||
         starts_with_any(name, {"malloc_", "arena_get", "tcache_", "libc_"});
}

bool is_stdio(std::string_view name) {
  return is_any(name,
                {"fputs",   "fputc",  "putc",   "puts",    "putchar", "fwrite",   "fread",
                 "fgets",   "fgetc",  "getc",   "getchar", "printf",  "fprintf",  "vfprintf",
                 "vprintf", "fflush", "fclose", "fopen",   "getline", "getdelim", "ungetc",
                 "fseek",   "fseeko", "ftell",  "ftello",  "rewind",  "fgetpos",  "fsetpos",
                 "setvbuf", "setbuf", "fscanf", "scanf",   "vfscanf", "perror",   "flockfile",
                 "fputws",  "fputwc", "feof",   "ferror",  "fileno",  "freopen",  "fdopen"}) ||
         starts_with_any(name, {"_IO_", "IO_"});
}

bool is_other_libc(std::string_view name) {
  return is_any(name,
                {"syscall", "exit",      "on_exit",   "atexit",    "cxa_atexit", "getenv",
                 "setenv",  "putenv",    "unsetenv",  "tzset",     "localtime",  "localtime_r",
                 "mktime",  "strftime",  "syslog",    "vsyslog",   "random",     "rand",
                 "srandom", "setlocale", "getrandom", "quick_exit"}) ||
         starts_with_any(name, {"getaddrinfo", "gethostby", "getpw", "getgr", "res_"});
}

bool is_foreign(std::string_view name) {
  return starts_with_any(
      name, {"g_mutex_", "g_rw_lock_", "g_cond_", "QBasicMutex", "QMutex", "QFutexMutex",
             "std::sys::", "std::sync::", "absl::", "folly::", "parking_lot",
             "tbb::", "runtime.futex", "std::__detail::__platform_wait", "std::__atomic_"});
}

NameMeans meaning_of_frame(const Frame& frame, const ProgramFrames& frames) {
  const Location& location = frames.location(frame);
  return meaning_of(location.function.empty() ? location.symbol : location.function);
}

// A function of libc that has a name, and not a mutex's, is another reason to wait.
NameMeans meaning_in_libc(const Frame& frame, const ProgramFrames& frames) {
  const NameMeans means = meaning_of_frame(frame, frames);
  return means == NameMeans::kUnknown ? NameMeans::kElse : means;
}

}  // namespace

NameMeans meaning_of(std::string_view function) {
  const std::string_view name = plain_libc_name(function);
  if (means_nothing(name)) return NameMeans::kNothing;
  if (starts_with_any(name, {"pthread_mutex_", "mtx_"})) return NameMeans::kMutex;
  if (starts_with_any(name, {"pthread_cond_", "cnd_", "std::condition_variable"})) {
    return NameMeans::kCondition;
  }
  if (is_other_pthread(name) || is_allocator(name) || is_stdio(name) || is_other_libc(name) ||
      is_foreign(name)) {
    return NameMeans::kElse;
  }
  return NameMeans::kUnknown;
}

bool NamedWait::rules_out_mutex() const {
  if (outside_libc || frames == NameMeans::kElse) return true;
  return frames == NameMeans::kNothing && call_site == NameMeans::kElse;
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
  }
  const bool silent = named.frames == NameMeans::kNothing;
  if (silent && outside != stack.frames.end() &&
      meaning_of_frame(*outside, frames) == NameMeans::kElse) {
    named.frames = NameMeans::kElse;
  }
  return named;
}

}  // namespace pstuck
