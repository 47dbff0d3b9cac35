#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>

#include "symbolize/import_slots.h"
#include "symbolize/lock_functions.h"
#include "symbolize/machine_code.h"

namespace pstuck {

/// What calls do to locks: known from the callee's name, or read from its code when it is short,
/// through a few levels of calls. So a guard's constructor needs no name.
class CallEffects {
 public:
  /// All must outlive it; the budget is LockFlow's.
  CallEffects(LoadedModules& modules, Memory& memory, MachineCode& code, Formulas& formulas,
              std::size_t& budget, std::span<const OwnLockFunction> own)
      : modules_(modules),
        memory_(memory),
        code_(code),
        formulas_(formulas),
        budget_(budget),
        lock_functions_(modules, formulas, own),
        imports_(modules) {}

  /// The reference stays valid.
  const CallEffect& of(const Instruction& call);

  /// Whether some call that the function makes may do something to a lock, as far as `of` tells.
  bool may_touch_locks(const FunctionCode& function);

  /// What the call does is known from the name of the function that it leads to.
  bool is_known_by_name(const Instruction& call);

  /// A function that is known by its name to take a lock of the family kWord.
  bool takes_word(Address function);

  /// Where the call leads, behind PLT stubs; none when that is decided at run time.
  std::optional<Address> find_target(const Instruction& call);

 private:
  std::optional<CallEffect> find_import(const Instruction& call);
  CallEffect read(Address function);
  bool may_touch_locks(const Instruction& call);
  const FunctionCode* find_short_function(Address start);

  LoadedModules& modules_;
  Memory& memory_;
  MachineCode& code_;
  Formulas& formulas_;
  std::size_t& budget_;
  LockFunctions lock_functions_;
  ImportSlots imports_;
  std::unordered_map<std::uint64_t, CallEffect> by_function_;
  std::unordered_map<std::uint64_t, std::optional<FunctionCode>> short_functions_;
  std::unordered_map<std::uint64_t, bool> may_touch_locks_;  // by function
  std::unordered_map<std::uint64_t, std::optional<Address>> behind_stub_;
  int depth_ = 0;
};

}  // namespace pstuck
