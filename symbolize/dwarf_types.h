#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbolize/dwarf_entry.h"
#include "symbolize/dwarf_scopes.h"
#include "symbolize/modules.h"

namespace pstuck {

/// The way from the beginning of an object to a lock in it.
struct MemberPath {
  std::string path;       ///< "" when the lock is the object itself, else ".mu_", "[3].mu"
  std::string lock_type;  ///< "std::mutex"
  /// The innermost object of a class of the program's own that the lock is a part of, where there
  /// is one: "Cache::mu_", "Table::shards[3].mu", and how far behind the beginning it begins.
  /// A base class's member belongs to the base class, an array's element to whose array it is.
  std::string class_member;
  std::uint64_t object_offset = 0;
};

/// Types of DWARF, and the locks in their objects. Modules go by their index.
class DwarfTypes {
 public:
  DwarfTypes(LoadedModules& modules, DwarfScopes& scopes);
  ~DwarfTypes();
  DwarfTypes(const DwarfTypes&) = delete;
  DwarfTypes& operator=(const DwarfTypes&) = delete;

  /// As the source has it, without const and the like: "Server*", "std::lock_guard<std::mutex>".
  std::string name(const std::optional<DwarfEntry>& type);

  /// The type behind typedefs and qualifiers, a class with its definition where the module has it.
  /// Stops at a typedef that names a lock.
  std::optional<DwarfEntry> bare(std::size_t module, const DwarfEntry& type);

  /// Of a bare type: its object is a lock.
  bool is_lock(const DwarfEntry& type);

  /// Of a bare type: its objects are locks or have them as members, at any depth.
  bool holds_locks(std::size_t module, const DwarfEntry& type);

  /// The lock that begins at the offset in an object of the type. None when none is known there.
  std::optional<MemberPath> find_lock(std::size_t module, const DwarfEntry& type,
                                      std::uint64_t offset);

  /// The same for a class that is known by its qualified name, as demangled, only. None where the
  /// module's DWARF does not define it, and where two definitions contradict each other.
  std::optional<MemberPath> find_class_member(std::size_t module, std::string_view class_name,
                                              std::uint64_t offset);

  /// All definitions of a class with this name, as DwarfClasses::find(), or by a typedef.
  std::vector<DwarfEntry> find_classes(std::size_t module, std::string_view name);

  DwarfScopes& scopes();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
