#include "analyzers/waits/libc_lock_names.h"

#include <algorithm>
#include <iterator>

// Which functions take which of glibc's own locks, from glibc 2.36: malloc/arena.c,
// stdlib/{cxa_atexit,exit,setenv,random}.c, time/{tzset,mktime}.c, locale/setlocale.c,
// posix/register-atfork.c, misc/syslog.c, nss/. A name ends with * where all that begin so count.

namespace pstuck {
namespace {

struct Row {
  std::string_view function;
  std::string_view guards;
};

constexpr std::string_view kArena = "malloc arena";
constexpr std::string_view kExit = "exit handlers";
constexpr std::string_view kAtfork = "atfork list";
constexpr std::string_view kEnvironment = "environment";
constexpr std::string_view kTimeZone = "time zone";
constexpr std::string_view kLocale = "locale";
constexpr std::string_view kResolver = "resolver";
constexpr std::string_view kNames = "name service";
constexpr std::string_view kSyslog = "syslog";
constexpr std::string_view kRandom = "random numbers";
constexpr std::string_view kStacks = "thread stacks";
constexpr std::string_view kSeveral;

constexpr Row kTable[] = {
    {"malloc", kArena},
    {"free", kArena},
    {"cfree", kArena},
    {"calloc", kArena},
    {"realloc", kArena},
    {"reallocarray", kArena},
    {"memalign", kArena},
    {"aligned_alloc", kArena},
    {"posix_memalign", kArena},
    {"valloc", kArena},
    {"pvalloc", kArena},
    {"mallopt", kArena},
    {"mallinfo", kArena},
    {"mallinfo2", kArena},
    {"_int_malloc*", kArena},
    {"_int_free*", kArena},
    {"_int_realloc*", kArena},
    {"_int_memalign*", kArena},
    {"_mid_memalign*", kArena},
    {"malloc_*", kArena},
    {"arena_get*", kArena},
    {"tcache_*", kArena},
    {"exit", kExit},
    {"on_exit", kExit},
    {"atexit", kExit},
    {"quick_exit", kExit},
    {"at_quick_exit", kExit},
    {"cxa_atexit", kExit},
    {"cxa_at_quick_exit", kExit},
    {"cxa_finalize", kExit},
    {"internal_atexit", kExit},
    {"new_exitfn", kExit},
    {"run_exit_handlers", kExit},
    {"allocate_stack*", kStacks},
    {"nptl_deallocate_stack", kStacks},
    {"nptl_free_stacks", kStacks},
    {"pthread_atfork", kAtfork},
    {"register_atfork", kAtfork},
    {"unregister_atfork", kAtfork},
    {"run_fork_handlers", kAtfork},
    {"run_prefork_handlers", kAtfork},
    {"run_postfork_handlers", kAtfork},
    {"fork", kSeveral},
    {"setenv", kEnvironment},
    {"unsetenv", kEnvironment},
    {"putenv", kEnvironment},
    {"clearenv", kEnvironment},
    {"getenv", kEnvironment},
    {"secure_getenv", kEnvironment},
    {"add_to_environ", kEnvironment},
    {"tzset", kTimeZone},
    {"tzset_*", kTimeZone},
    {"tz_convert", kTimeZone},
    {"localtime*", kTimeZone},
    {"gmtime*", kTimeZone},
    {"mktime*", kTimeZone},
    {"timelocal", kTimeZone},
    {"timegm", kTimeZone},
    {"strftime*", kTimeZone},
    {"wcsftime*", kTimeZone},
    {"ctime*", kTimeZone},
    {"setlocale", kLocale},
    {"newlocale", kLocale},
    {"freelocale", kLocale},
    {"duplocale", kLocale},
    {"textdomain", kLocale},
    {"bindtextdomain", kLocale},
    {"bind_textdomain_codeset", kLocale},
    {"dcigettext", kLocale},
    {"nl_find_*", kLocale},
    {"nl_load_*", kLocale},
    {"getaddrinfo*", kResolver},
    {"gethostby*", kResolver},
    {"getnetby*", kResolver},
    {"getservby*", kResolver},
    {"getprotoby*", kResolver},
    {"res_*", kResolver},
    {"resolv_*", kResolver},
    {"getpw*", kNames},
    {"getgr*", kNames},
    {"getsp*", kNames},
    {"getsg*", kNames},
    {"initgroups", kNames},
    {"nss_*", kNames},
    {"syslog*", kSyslog},
    {"vsyslog*", kSyslog},
    {"openlog", kSyslog},
    {"closelog", kSyslog},
    {"setlogmask", kSyslog},
    {"random", kRandom},
    {"srandom", kRandom},
    {"rand", kRandom},
    {"srand", kRandom},
    {"initstate", kRandom},
    {"setstate", kRandom},
};

// libio/genops.c.
constexpr std::string_view kListFunctions[] = {
    "_IO_link_in",    "_IO_un_link", "_IO_list_lock", "_IO_list_resetlock",
    "_IO_flush_all*", "_IO_cleanup", "_IO_iter_*",    "_IO_unbuffer_all*",
    "IO_cleanup",     "fcloseall*",  "flush_cleanup",
};

bool matches(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return name == pattern;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

std::optional<std::string_view> find_libc_lock(std::string_view name) {
  constexpr std::string_view kInternal = "libc_";
  if (name.starts_with(kInternal)) name.remove_prefix(kInternal.size());
  const auto* row = std::ranges::find_if(
      kTable, [&](const Row& candidate) { return matches(candidate.function, name); });
  return row == std::end(kTable) ? std::nullopt : std::optional(row->guards);
}

bool takes_malloc_arena(std::string_view name) {
  const auto guarded = find_libc_lock(name);
  return guarded == kArena || guarded == kSeveral;
}

bool locks_list_of_files(std::string_view name) {
  return std::ranges::any_of(kListFunctions,
                             [&](std::string_view pattern) { return matches(pattern, name); });
}

}  // namespace pstuck
