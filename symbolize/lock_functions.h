#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>

#include "symbolize/flow_state.h"
#include "symbolize/modules.h"
#include "symbolize/own_lock_functions.h"

namespace pstuck {

/// The functions whose effect on locks is known from their names; everything else is read from
/// code. Each module's symbol table is gone through once, when first asked.
class LockFunctions {
 public:
  /// All must outlive it.
  LockFunctions(LoadedModules& modules, Formulas& formulas, std::span<const OwnLockFunction> own)
      : modules_(modules), formulas_(formulas), own_(own) {}

  /// Null for any other function.
  const CallEffect* find(Address function);

  /// What its code takes on some of its paths it takes on all of them.
  bool surely_takes(Address function);

  /// As it would be found by its address, were that known.
  std::optional<CallEffect> find_named(std::string_view symbol) { return effect_of(symbol); }

 private:
  void read_module_of(Address function);
  void read_symbols(std::size_t module);
  std::optional<CallEffect> effect_of(std::string_view symbol);
  void lock_files(CallEffect& effect);
  std::optional<CallEffect> effect_of_own(std::string_view symbol);
  std::optional<CallEffect> effect_of_method(std::string_view symbol);
  std::optional<CallEffect> effect_of_template(std::string_view symbol);

  LoadedModules& modules_;
  Formulas& formulas_;
  std::span<const OwnLockFunction> own_;
  std::set<std::size_t> modules_read_;
  std::unordered_map<std::uint64_t, CallEffect> effects_;
  std::set<std::uint64_t> locking_;
};

}  // namespace pstuck
