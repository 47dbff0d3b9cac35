#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct Dwarf_Abbrev;
struct Dwarf_CU;

namespace pstuck {

/// An entry in DWARF's tree: a small value, usable as long as its module is loaded. Attributes that
/// stand at the entry's declaration or abstract original are found too.
class DwarfEntry {
 public:
  /// As in libdw's Dwarf_Die: the entry's bytes and the unit they stand in.
  DwarfEntry(void* bytes, Dwarf_CU* unit) : bytes_(bytes), unit_(unit) {}

  [[nodiscard]] int tag() const;
  [[nodiscard]] std::string_view name() const;           ///< empty when it has none
  [[nodiscard]] std::optional<DwarfEntry> type() const;  ///< none: void
  [[nodiscard]] std::optional<std::uint64_t> number(unsigned attribute) const;
  [[nodiscard]] std::optional<DwarfEntry> reference(unsigned attribute) const;
  [[nodiscard]] std::string_view text(unsigned attribute) const;
  [[nodiscard]] bool has(unsigned attribute) const;
  /// Itself only a declaration; a definition that refers to its declaration is none.
  [[nodiscard]] bool is_declaration() const;

  [[nodiscard]] std::optional<DwarfEntry> first_child() const;
  [[nodiscard]] std::optional<DwarfEntry> next_sibling() const;  ///< always further on in the unit
  [[nodiscard]] DwarfEntry unit_entry() const;
  /// The last entry behind the references to a declaration or abstract original; else itself.
  [[nodiscard]] DwarfEntry declaration() const;

  /// Of a type, through typedefs and the like; of an array all its elements.
  [[nodiscard]] std::optional<std::uint64_t> byte_size() const;
  /// Of a member or base class in its object. None for what has no fixed place there: static
  /// members, bit fields, virtual bases.
  [[nodiscard]] std::optional<std::uint64_t> member_offset() const;

  /// That an attribute names, DW_AT_decl_file or DW_AT_call_file; made absolute with the
  /// compilation directory. Empty when not known.
  [[nodiscard]] std::string file(unsigned attribute) const;
  [[nodiscard]] int line() const;  ///< of its declaration; 0: not known

  [[nodiscard]] std::uint64_t offset() const;  ///< in its section
  [[nodiscard]] void* bytes() const { return bytes_; }
  [[nodiscard]] Dwarf_CU* unit() const { return unit_; }

  /// The same entry: bytes are mapped once.
  friend bool operator==(const DwarfEntry& a, const DwarfEntry& b) { return a.bytes_ == b.bytes_; }

 private:
  struct Access;

  void* bytes_;
  Dwarf_CU* unit_;
  mutable Dwarf_Abbrev* abbreviation_ = nullptr;  // libdw looks it up once
};

/// A class, a structure or a union.
bool is_class(int tag);
/// A pointer or a reference.
bool is_pointer(int tag);

/// A file name of DWARF, made absolute with the unit's compilation directory.
std::string absolute_file(const DwarfEntry& unit, const char* name);

}  // namespace pstuck
