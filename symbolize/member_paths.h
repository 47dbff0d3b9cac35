#pragma once

#include <memory>
#include <optional>

#include "symbolize/dwarf_types.h"
#include "symbolize/modules.h"
#include "symbolize/program.h"

namespace pstuck {

/// The locks inside global variables, from the variables' types in DWARF.
class MemberPaths {
 public:
  MemberPaths(LoadedModules& modules, DwarfTypes& types);
  ~MemberPaths();

  /// The way to the lock at `offset` in a variable; `variable` is where that begins in the target.
  /// None without debug information, and when no member that is known to be a lock begins there.
  std::optional<MemberPath> find(std::size_t module, Address variable, std::uint64_t offset);

  /// The member that a path leads to in each element of a global array, as in named_members.h.
  std::optional<ElementField> find_element_member(std::size_t module, Address variable,
                                                  std::string_view path);

  /// The same for a thread-local variable, by its offset in a thread's copy of the module's.
  std::optional<MemberPath> find_thread_local(std::size_t module, std::uint64_t variable,
                                              std::uint64_t offset);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
