#include "symbolize/lock_functions.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "attach/syscalls.h"
#include "symbolize/demangle.h"
#include "symbolize/function_patterns.h"
#include "symbolize/rust_lock_names.h"
#include "symbolize/symbol_names.h"

namespace pstuck {
namespace {

enum class Does : std::uint8_t {
  kTakes,
  kTakesShared,
  kTries,  // 0 is success
  kTriesShared,
  kTriesForTrue,  // 0 is failure
  kTriesSharedForTrue,
  kGivesBack,
  kArrives,
  kNotifies,
  kRunsOnce,
};

/// What it does is done to its first argument.
struct LockFunction {
  std::string_view name;
  Does does;
  LockFamily family = LockFamily::kMutex;
};

constexpr LockFunction kFunctions[] = {
    // POSIX threads and C11.
    {"pthread_mutex_lock", Does::kTakes},
    {"pthread_mutex_trylock", Does::kTries},
    {"pthread_mutex_timedlock", Does::kTries},
    {"pthread_mutex_clocklock", Does::kTries},
    {"pthread_mutex_unlock", Does::kGivesBack},
    {"pthread_rwlock_wrlock", Does::kTakes},
    {"pthread_rwlock_trywrlock", Does::kTries},
    {"pthread_rwlock_timedwrlock", Does::kTries},
    {"pthread_rwlock_clockwrlock", Does::kTries},
    {"pthread_rwlock_rdlock", Does::kTakesShared},
    {"pthread_rwlock_tryrdlock", Does::kTriesShared},
    {"pthread_rwlock_timedrdlock", Does::kTriesShared},
    {"pthread_rwlock_clockrdlock", Does::kTriesShared},
    {"pthread_rwlock_unlock", Does::kGivesBack},
    {"mtx_lock", Does::kTakes},
    {"mtx_trylock", Does::kTries},
    {"mtx_timedlock", Does::kTries},
    {"mtx_unlock", Does::kGivesBack},
    {"pthread_spin_lock", Does::kTakes},
    {"pthread_spin_trylock", Does::kTries},
    {"pthread_spin_unlock", Does::kGivesBack},
    {"flockfile", Does::kTakes},
    {"funlockfile", Does::kGivesBack},
    {"sem_wait", Does::kTakes, LockFamily::kSemaphore},
    {"sem_trywait", Does::kTries, LockFamily::kSemaphore},
    {"sem_timedwait", Does::kTries, LockFamily::kSemaphore},
    {"sem_clockwait", Does::kTries, LockFamily::kSemaphore},
    {"sem_post", Does::kGivesBack, LockFamily::kSemaphore},
    {"pthread_barrier_wait", Does::kArrives},
    {"pthread_cond_signal", Does::kNotifies},
    {"pthread_cond_broadcast", Does::kNotifies},
    {"cnd_signal", Does::kNotifies},
    {"cnd_broadcast", Does::kNotifies},
    {"pthread_once", Does::kRunsOnce},
    {"call_once", Does::kRunsOnce},
    // The C++ ABI's: true is "initialise it".
    {"cxa_guard_acquire", Does::kTriesForTrue, LockFamily::kStaticGuard},
    {"cxa_guard_release", Does::kGivesBack, LockFamily::kStaticGuard},
    {"cxa_guard_abort", Does::kGivesBack, LockFamily::kStaticGuard},
    // GLib and OpenMP.
    {"g_mutex_lock", Does::kTakes, LockFamily::kLibrary},
    {"g_mutex_trylock", Does::kTriesForTrue, LockFamily::kLibrary},
    {"g_mutex_unlock", Does::kGivesBack, LockFamily::kLibrary},
    {"g_cond_signal", Does::kNotifies},
    {"g_cond_broadcast", Does::kNotifies},
    {"omp_set_lock", Does::kTakes, LockFamily::kLibrary},
    {"omp_test_lock", Does::kTriesForTrue, LockFamily::kLibrary},
    {"omp_unset_lock", Does::kGivesBack, LockFamily::kLibrary},
    {"GOMP_critical_name_start", Does::kTakes, LockFamily::kLibrary},
    {"GOMP_critical_name_end", Does::kGivesBack, LockFamily::kLibrary},
};

/// Of a class whose object is the first argument; a template's arguments stand between both parts
/// of the mangled name.
struct LockMethod {
  std::string_view begins;
  std::string_view goes_on;  // behind the template's arguments; "" for a class that is none
  Does does;
  LockFamily family = LockFamily::kMutex;
  bool is_pointed_to = false;  // the first word of the object points to what it is done to
  std::uint64_t inside = 0;    // how far in that the first argument points
};

// _State_baseV2::_M_status of libstdc++ 5 to 14: include/std/future.
constexpr std::uint64_t kFutureStatus = 16;

constexpr LockMethod kMethods[] = {
    {"_ZN4absl5Mutex4LockEv", "", Does::kTakes, LockFamily::kLibrary},
    {"_ZN4absl5Mutex6UnlockEv", "", Does::kGivesBack, LockFamily::kLibrary},
    {"_ZN4absl5Mutex7TryLockEv", "", Does::kTriesForTrue, LockFamily::kLibrary},
    {"_ZN4absl5Mutex10WriterLockEv", "", Does::kTakes, LockFamily::kLibrary},
    {"_ZN4absl5Mutex12WriterUnlockEv", "", Does::kGivesBack, LockFamily::kLibrary},
    {"_ZN4absl5Mutex10ReaderLockEv", "", Does::kTakesShared, LockFamily::kLibrary},
    {"_ZN4absl5Mutex12ReaderUnlockEv", "", Does::kGivesBack, LockFamily::kLibrary},
    {"_ZN4absl5Mutex13ReaderTryLockEv", "", Does::kTriesSharedForTrue, LockFamily::kLibrary},
    {"_ZN4absl5Mutex8LockWhenERKNS_9ConditionE", "", Does::kTakes, LockFamily::kLibrary},
    {"_ZN4absl7CondVar6SignalEv", "", Does::kNotifies},
    {"_ZN4absl7CondVar9SignalAllEv", "", Does::kNotifies},
    {"_ZN6QMutex4lockEv", "", Does::kTakes, LockFamily::kLibrary},
    {"_ZN6QMutex7tryLockEi", "", Does::kTriesForTrue, LockFamily::kLibrary},
    {"_ZN6QMutex6unlockEv", "", Does::kGivesBack, LockFamily::kLibrary},
    {"_ZN11QBasicMutex4lockEv", "", Does::kTakes, LockFamily::kLibrary},
    {"_ZN11QBasicMutex12lockInternalEv", "", Does::kTakes, LockFamily::kLibrary},
    {"_ZN11QBasicMutex6unlockEv", "", Does::kGivesBack, LockFamily::kLibrary},
    {"_ZN11QBasicMutex14unlockInternalEv", "", Does::kGivesBack, LockFamily::kLibrary},
    // libstdc++ and libc++; what is in headers only has a name where it was not inlined.
    {"_ZNSt18condition_variable10notify_oneEv", "", Does::kNotifies},
    {"_ZNSt18condition_variable10notify_allEv", "", Does::kNotifies},
    {"_ZNSt3__118condition_variable10notify_oneEv", "", Does::kNotifies},
    {"_ZNSt3__118condition_variable10notify_allEv", "", Does::kNotifies},
    {"_ZNSt18__atomic_semaphore10_M_acquireEv", "", Does::kTakes, LockFamily::kCounter},
    {"_ZSt26__atomic_wait_address_bareIZNSt18__atomic_semaphore10_M_acquireEv", "*", Does::kTakes,
     LockFamily::kCounter},
    {"_ZNSt18__atomic_semaphore10_M_releaseEl", "", Does::kGivesBack, LockFamily::kCounter},
    {"_ZNSt18counting_semaphoreI", "E7acquireEv", Does::kTakes, LockFamily::kCounter},
    {"_ZNSt18counting_semaphoreI", "E7releaseEl", Does::kGivesBack, LockFamily::kCounter},
    {"_ZNSt5latch10count_downEl", "", Does::kArrives},
    {"_ZNSt5latch15arrive_and_waitEl", "", Does::kArrives},
    {"_ZNSt7barrierI", "E6arriveEl", Does::kArrives},
    {"_ZNSt7barrierI", "E15arrive_and_waitEv", Does::kArrives},
    {"_ZNSt7barrierI", "E15arrive_and_dropEv", Does::kArrives},
    {"_ZSt23__atomic_notify_addressI", "*", Does::kNotifies},
    {"_ZNSt13__future_base13_State_baseV213_M_set_resultE", "*", Does::kNotifies},
    {.begins = "_ZNSt28__atomic_futex_unsigned_base19_M_futex_notify_allEPj",
     .goes_on = "",
     .does = Does::kNotifies,
     .inside = kFutureStatus},
    {"_ZNSt7promiseI", "E9set_valueE", Does::kNotifies, LockFamily::kMutex, true},
    {"_ZNSt7promiseI", "E13set_exceptionE", Does::kNotifies, LockFamily::kMutex, true},
    {"_ZNSt13packaged_taskI", "EEclE", Does::kNotifies, LockFamily::kMutex, true},
};

bool is_called(const LockMethod& method, std::string_view symbol) {
  if (method.goes_on.empty()) return symbol == method.begins;
  if (!symbol.starts_with(method.begins)) return false;
  return method.goes_on == "*" ||
         symbol.substr(method.begins.size()).find(method.goes_on) != std::string_view::npos;
}

/// Abseil's releases stand in a namespace of their own each: absl::lts_20220623::Mutex.
std::string without_release(std::string_view symbol) {
  constexpr std::string_view kAbseil = "_ZN4absl";
  constexpr std::string_view kRelease = "12lts_";
  constexpr std::size_t kReleaseSize = 14;
  std::string name(symbol);
  if (symbol.starts_with(kAbseil) && symbol.substr(kAbseil.size()).starts_with(kRelease)) {
    name.erase(kAbseil.size(), kReleaseSize);
  }
  return name;
}

CallEffect make_effect(Does does, Formula object, LockFamily family) {
  const bool is_shared =
      does == Does::kTakesShared || does == Does::kTriesShared || does == Does::kTriesSharedForTrue;
  CallEffect effect{.stranger = false};
  switch (does) {
    case Does::kTriesForTrue:
    case Does::kTriesSharedForTrue:
      effect.taken_if_zero = false;
      [[fallthrough]];
    case Does::kTries:
    case Does::kTriesShared:
      effect.tries = true;
      [[fallthrough]];
    case Does::kTakes:
    case Does::kTakesShared:
      effect.takes.push_back({object, true, is_shared, family});
      break;
    case Does::kGivesBack:
      effect.gives_back.push_back({object, true, false, family});
      break;
    case Does::kArrives:
      effect.acts.emplace_back(object, Act::kArrives);
      break;
    case Does::kNotifies:
      effect.acts.emplace_back(object, Act::kNotifies);
      break;
    case Does::kRunsOnce:
      effect.acts.emplace_back(object, Act::kRunsOnce);
      break;
  }
  return effect;
}

Does does_as(const OwnLockFunction& function) {
  switch (function.does) {
    case OwnLockFunction::Does::kTakes:
      return function.shared ? Does::kTakesShared : Does::kTakes;
    case OwnLockFunction::Does::kTriesForZero:
      return function.shared ? Does::kTriesShared : Does::kTries;
    case OwnLockFunction::Does::kTriesForOther:
      return function.shared ? Does::kTriesSharedForTrue : Does::kTriesForTrue;
    case OwnLockFunction::Does::kGivesBack:
      break;
  }
  return Does::kGivesBack;
}

/// A copy that the compiler made for some callers: it may lack arguments, or most of the function.
bool is_clone(std::string_view symbol) {
  constexpr std::string_view kSuffixes[] = {".part.", ".isra.", ".constprop.", ".cold"};
  return std::ranges::any_of(kSuffixes, [&](std::string_view suffix) {
    return symbol.find(suffix) != std::string_view::npos;
  });
}

CallEffect effect_of_rust(RustLockDeed deed) {
  const Does does = deed == RustLockDeed::kTakes   ? Does::kTakes
                    : deed == RustLockDeed::kReads ? Does::kTakesShared
                                                   : Does::kGivesBack;
  return make_effect(does, Formulas::entry(kRdi), LockFamily::kWord);
}

/// It runs code of the program's own, or lets other threads go on that change what they like.
bool is_stranger(Does does) {
  return does == Does::kArrives || does == Does::kNotifies || does == Does::kRunsOnce;
}

/// syscall(SYS_futex, object, FUTEX_WAKE, …): how libstdc++ 11 to 14 notifies an atomic, and what
/// is built on one, where its own functions were inlined (bits/atomic_wait.h: __platform_notify).
CallEffect effect_of_syscall() {
  constexpr std::uint64_t kWake = 1;
  CallEffect effect = make_effect(Does::kNotifies, Formulas::entry(kRsi), LockFamily::kMutex);
  effect.stranger = is_stranger(Does::kNotifies);
  effect.acts_when = {{Formulas::entry(kRdi), kFutexCall}, {Formulas::entry(kRdx), kWake}};
  return effect;
}

// FILE::_lock of glibc: libio/bits/types/struct_FILE.h, the same since 2.2 on x86-64. It points to
// the lock; musl's is in the FILE: src/internal/stdio_impl.h.
constexpr std::uint64_t kFileLockOffset = 0x88;
constexpr std::uint64_t kMuslFileLockOffset = 140;

// libstdc++'s that lock several at once, in loops over arrays: too winding to be read from code.
constexpr std::string_view kScopedLock = "_ZNSt11scoped_lockI";
constexpr std::string_view kLockAll = "_ZSt4lockI";
// std::__throw_system_error(int): it does not come back.
constexpr std::string_view kThrowing = "_ZSt20__throw_system_error";

/// The types between the parentheses of a demangled declaration.
std::vector<std::string_view> parameters_of(std::string_view declaration) {
  std::vector<std::string_view> parameters;
  const std::size_t end = declaration.rfind(')');
  if (end == std::string_view::npos) return parameters;
  std::size_t begin = end;
  for (int depth = 0; begin > 0; --begin) {
    const char c = declaration[begin];
    if (c == ')') ++depth;
    if (c == '(' && --depth == 0) break;
  }
  std::size_t first = begin + 1;
  int depth = 0;
  for (std::size_t i = first; i <= end; ++i) {
    const char c = declaration[i];
    if (c == '<' || c == '(') ++depth;
    if (c == '>' || (c == ')' && i != end)) --depth;
    if ((c == ',' && depth == 0) || i == end) {
      if (i > first) parameters.push_back(declaration.substr(first, i - first));
      first = i + 1;
    }
  }
  return parameters;
}

std::size_t count_template_arguments(std::string_view name) {
  std::size_t count = 1;
  int depth = 0;
  for (const char c : name.substr(std::min(name.find('<'), name.size()))) {
    if (c == '<') ++depth;
    if (c == '>' && --depth == 0) break;
    if (c == ',' && depth == 1) ++count;
  }
  return count;
}

}  // namespace

std::optional<CallEffect> LockFunctions::effect_of(std::string_view symbol) {
  if (const auto own = effect_of_own(symbol)) return own;
  if (const auto deed = find_rust_lock_deed(symbol)) return effect_of_rust(*deed);
  if (symbol.starts_with("_Z")) {
    const auto effect = effect_of_method(symbol);
    return effect ? effect : effect_of_template(symbol);
  }
  std::string_view name = without_version(symbol);
  if (name.starts_with("__cxa_")) name.remove_prefix(2);
  if (name == "syscall") return effect_of_syscall();
  const auto found = std::ranges::find(kFunctions, name, &LockFunction::name);
  if (found == std::ranges::end(kFunctions)) return {};
  CallEffect effect = make_effect(found->does, Formulas::entry(kRdi), found->family);
  effect.stranger = is_stranger(found->does);
  if (name.ends_with("lockfile")) lock_files(effect);
  return effect;
}

/// Of a FILE the lock in it. Which libc it is of nobody needs to know: no lock begins where the
/// other one would have it.
void LockFunctions::lock_files(CallEffect& effect) {
  for (auto* locks : {&effect.takes, &effect.gives_back}) {
    if (locks->empty()) continue;
    CallEffect::Lock in_file = locks->front();
    in_file.lock = in_file.lock + kMuslFileLockOffset;
    locks->front().lock = formulas_.load(locks->front().lock + kFileLockOffset);
    locks->push_back(in_file);
  }
}

/// A function may take several locks, or give one back for another. What it writes is not known.
std::optional<CallEffect> LockFunctions::effect_of_own(std::string_view symbol) {
  std::optional<CallEffect> effect;
  std::string name;
  for (const OwnLockFunction& function : own_) {
    if (!may_have_name(function.name, symbol) || is_clone(symbol)) continue;
    if (name.empty()) name = bare_function_name(demangle(without_version(symbol)));
    if (!names_function(function.name, name)) continue;
    if (function.argument == 0 || function.argument > kArgumentRegisters.size()) continue;
    const Formula lock = Formulas::entry(kArgumentRegisters[function.argument - 1]);
    const auto family = function.counts_units ? LockFamily::kSemaphore : LockFamily::kLibrary;
    const CallEffect one = make_effect(does_as(function), lock, family);
    if (!effect) effect.emplace();
    effect->takes.insert(effect->takes.end(), one.takes.begin(), one.takes.end());
    effect->gives_back.insert(effect->gives_back.end(), one.gives_back.begin(),
                              one.gives_back.end());
    if (!one.tries) continue;
    effect->tries = true;
    effect->taken_if_zero = one.taken_if_zero;
  }
  return effect;
}

std::optional<CallEffect> LockFunctions::effect_of_method(std::string_view symbol) {
  const std::string name = without_release(without_version(symbol));
  const auto found = std::ranges::find_if(
      kMethods, [&](const LockMethod& method) { return is_called(method, name); });
  if (found == std::ranges::end(kMethods)) return {};
  Formula object = Formulas::entry(kRdi) + (0 - found->inside);
  if (found->is_pointed_to) object = formulas_.load(object);
  CallEffect effect = make_effect(found->does, object, found->family);
  effect.stranger = is_stranger(found->does);
  return effect;
}

/// std::lock(a, b, …), scoped_lock(a, b, …) and ~scoped_lock(). A scoped_lock keeps the locks in a
/// tuple, whose elements stand in reverse.
std::optional<CallEffect> LockFunctions::effect_of_template(std::string_view symbol) {
  // A clone may have lost some of its arguments.
  if (symbol.find('.') != std::string_view::npos) return {};
  if (symbol.starts_with(kThrowing)) return CallEffect{.stranger = false};
  const bool is_scoped = symbol.starts_with(kScopedLock);
  if (!is_scoped && !symbol.starts_with(kLockAll)) return {};
  const std::string declaration = demangle(symbol);
  CallEffect effect{.stranger = false};
  if (is_scoped && declaration.find("::~scoped_lock(") != std::string::npos) {
    const std::size_t count = count_template_arguments(declaration);
    for (std::size_t i = 0; i < count && i < kArgumentRegisters.size(); ++i) {
      effect.gives_back.push_back({formulas_.load(Formulas::entry(kRdi) + 8 * i), true});
    }
    return effect;
  }
  const auto parameters = parameters_of(declaration);
  const std::size_t first = is_scoped ? 1 : 0;
  if (parameters.empty() || parameters.size() + first > kArgumentRegisters.size()) return {};
  if (is_scoped && parameters.front().starts_with("std::adopt_lock_t")) return {};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Formula lock = Formulas::entry(kArgumentRegisters[first + i]);
    if (is_scoped) {
      const std::size_t slot = parameters.size() - 1 - i;
      effect.writes.emplace_back(Formulas::entry(kRdi) + 8 * slot, lock);
    } else if (parameters[i].find("unique_lock<") != std::string_view::npos) {
      lock = formulas_.load(lock);
    }
    effect.takes.push_back({lock, true});
  }
  return effect;
}

void LockFunctions::read_symbols(std::size_t module) {
  Dwfl_Module* handle = modules_.open(module);
  if (!handle) return;
  visit_functions(handle, [&](std::string_view name, Address start) {
    if (const auto effect = effect_of(name)) effects_.try_emplace(start.value, *effect);
    if (is_rust_locking(name)) locking_.insert(start.value);
  });
}

void LockFunctions::read_module_of(Address function) {
  const auto module = modules_.find(function);
  if (module && modules_read_.insert(*module).second) read_symbols(*module);
}

const CallEffect* LockFunctions::find(Address function) {
  read_module_of(function);
  const auto found = effects_.find(function.value);
  return found == effects_.end() ? nullptr : &found->second;
}

bool LockFunctions::surely_takes(Address function) {
  read_module_of(function);
  return locking_.contains(function.value);
}

}  // namespace pstuck
