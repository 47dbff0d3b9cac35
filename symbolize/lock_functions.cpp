#include "symbolize/lock_functions.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "symbolize/demangle.h"
#include "symbolize/symbol_names.h"

namespace pstuck {
namespace {

enum class Does : std::uint8_t { kTakes, kTries, kGivesBack };

struct LockFunction {
  std::string_view name;
  Does does;
};

// POSIX threads and C11: the lock is the first argument, 0 is success.
constexpr std::array<LockFunction, 20> kFunctions = {{
    {"pthread_mutex_lock", Does::kTakes},
    {"pthread_mutex_trylock", Does::kTries},
    {"pthread_mutex_timedlock", Does::kTries},
    {"pthread_mutex_clocklock", Does::kTries},
    {"pthread_mutex_unlock", Does::kGivesBack},
    {"pthread_rwlock_wrlock", Does::kTakes},
    {"pthread_rwlock_trywrlock", Does::kTries},
    {"pthread_rwlock_timedwrlock", Does::kTries},
    {"pthread_rwlock_clockwrlock", Does::kTries},
    {"pthread_rwlock_rdlock", Does::kTakes},
    {"pthread_rwlock_tryrdlock", Does::kTries},
    {"pthread_rwlock_unlock", Does::kGivesBack},
    {"mtx_lock", Does::kTakes},
    {"mtx_trylock", Does::kTries},
    {"mtx_timedlock", Does::kTries},
    {"mtx_unlock", Does::kGivesBack},
    {"pthread_spin_lock", Does::kTakes},
    {"pthread_spin_unlock", Does::kGivesBack},
    {"flockfile", Does::kTakes},
    {"funlockfile", Does::kGivesBack},
}};

// FILE::_lock of glibc: libio/bits/types/struct_FILE.h, the same since 2.2 on x86-64.
constexpr std::uint64_t kFileLockOffset = 0x88;

// libstdc++'s that lock several at once, in loops over arrays: too winding to be read from code.
constexpr std::string_view kScopedLock = "_ZNSt11scoped_lockI";
constexpr std::string_view kLockAll = "_ZSt4lockI";
// std::__throw_system_error(int): it does not come back.
constexpr std::string_view kThrowing = "_ZSt20__throw_system_error";

constexpr std::array<unsigned, 6> kArguments = {kRdi, kRsi, kRdx, kRcx, kR8, kR9};

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
  if (symbol.starts_with("_Z")) return effect_of_template(symbol);
  const std::string_view name = without_version(symbol);
  const auto found = std::ranges::find(kFunctions, name, &LockFunction::name);
  if (found == kFunctions.end()) return {};
  Formula lock = Formulas::entry(kRdi);
  if (name.ends_with("lockfile")) lock = formulas_.load(lock + kFileLockOffset);
  CallEffect effect{.stranger = false};
  if (found->does == Does::kGivesBack) {
    effect.gives_back.push_back({lock, true});
  } else {
    effect.takes.push_back({lock, true});
    effect.tries = found->does == Does::kTries;
  }
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
    for (std::size_t i = 0; i < count && i < kArguments.size(); ++i) {
      effect.gives_back.push_back({formulas_.load(Formulas::entry(kRdi) + 8 * i), true});
    }
    return effect;
  }
  const auto parameters = parameters_of(declaration);
  const std::size_t first = is_scoped ? 1 : 0;
  if (parameters.empty() || parameters.size() + first > kArguments.size()) return {};
  if (is_scoped && parameters.front().starts_with("std::adopt_lock_t")) return {};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Formula lock = Formulas::entry(kArguments[first + i]);
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
  });
}

const CallEffect* LockFunctions::find(Address function) {
  const auto module = modules_.find(function);
  if (!module) return nullptr;
  if (modules_read_.insert(*module).second) read_symbols(*module);
  const auto found = effects_.find(function.value);
  return found == effects_.end() ? nullptr : &found->second;
}

}  // namespace pstuck
