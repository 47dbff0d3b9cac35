#include "symbolize/dwarf_entry.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <limits>

namespace pstuck {
namespace {

constexpr std::string_view kNoFile = "???";  // libdw's entry 0 for DWARF before 5

}  // namespace

/// The entry as libdw wants it; what libdw looked up meanwhile is kept.
struct DwarfEntry::Access {
  explicit Access(const DwarfEntry& from)
      : entry(from), die{from.bytes_, from.unit_, from.abbreviation_, 0} {}
  ~Access() { entry.abbreviation_ = die.abbrev; }
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  const DwarfEntry& entry;
  Dwarf_Die die;
};

int DwarfEntry::tag() const {
  Access access(*this);
  return dwarf_tag(&access.die);
}

std::string_view DwarfEntry::name() const {
  Access access(*this);
  const char* name = dwarf_diename(&access.die);
  return name ? std::string_view(name) : std::string_view();
}

std::optional<DwarfEntry> DwarfEntry::type() const { return reference(DW_AT_type); }

std::optional<DwarfEntry> DwarfEntry::reference(unsigned attribute) const {
  Access access(*this);
  Dwarf_Attribute found;
  Dwarf_Die entry;
  if (!dwarf_attr_integrate(&access.die, attribute, &found)) return {};
  if (!dwarf_formref_die(&found, &entry)) return {};
  return DwarfEntry(entry.addr, entry.cu);
}

std::optional<std::uint64_t> DwarfEntry::number(unsigned attribute) const {
  Access access(*this);
  Dwarf_Attribute found;
  Dwarf_Word value = 0;
  if (!dwarf_attr_integrate(&access.die, attribute, &found)) return {};
  if (dwarf_formudata(&found, &value) != 0) return {};
  return value;
}

std::string_view DwarfEntry::text(unsigned attribute) const {
  Access access(*this);
  Dwarf_Attribute found;
  const char* text = dwarf_formstring(dwarf_attr_integrate(&access.die, attribute, &found));
  return text ? std::string_view(text) : std::string_view();
}

bool DwarfEntry::has(unsigned attribute) const {
  Access access(*this);
  return dwarf_hasattr_integrate(&access.die, attribute) != 0;
}

bool DwarfEntry::is_declaration() const {
  Access access(*this);
  return dwarf_hasattr(&access.die, DW_AT_declaration) != 0;
}

std::optional<DwarfEntry> DwarfEntry::first_child() const {
  Access access(*this);
  Dwarf_Die child;
  if (dwarf_child(&access.die, &child) != 0) return {};
  return DwarfEntry(child.addr, child.cu);
}

std::optional<DwarfEntry> DwarfEntry::next_sibling() const {
  Access access(*this);
  Dwarf_Die sibling;
  if (dwarf_siblingof(&access.die, &sibling) != 0 || sibling.addr <= bytes_) return {};
  return DwarfEntry(sibling.addr, sibling.cu);
}

DwarfEntry DwarfEntry::unit_entry() const {
  Dwarf_Die unit;
  if (!dwarf_cu_die(unit_, &unit, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr)) {
    return *this;
  }
  return {unit.addr, unit.cu};
}

DwarfEntry DwarfEntry::declaration() const {
  constexpr int kMostReferences = 8;
  DwarfEntry entry = *this;
  for (int i = 0; i < kMostReferences; ++i) {
    const DwarfEntry current = entry;
    Access access(current);
    Dwarf_Attribute attribute;
    Dwarf_Die next;
    Dwarf_Attribute* reference = dwarf_attr(&access.die, DW_AT_abstract_origin, &attribute);
    if (!reference) reference = dwarf_attr(&access.die, DW_AT_specification, &attribute);
    if (!reference || !dwarf_formref_die(reference, &next)) break;
    entry = DwarfEntry(next.addr, next.cu);
  }
  return entry;
}

std::optional<std::uint64_t> DwarfEntry::byte_size() const {
  Access access(*this);
  Dwarf_Word size = 0;
  if (dwarf_aggregate_size(&access.die, &size) != 0) return {};
  return size;
}

std::optional<std::uint64_t> DwarfEntry::member_offset() const {
  if (has(DW_AT_external) || is_declaration()) return {};
  if (has(DW_AT_data_member_location)) return number(DW_AT_data_member_location);
  if (has(DW_AT_bit_size) || has(DW_AT_data_bit_offset)) return {};
  return 0;
}

// dwarf_decl_file() would stop pstuck by an assertion where a .dwo file has no table of its own.
std::string DwarfEntry::file(unsigned attribute) const {
  Access access(*this);
  Dwarf_Attribute found;
  Dwarf_Word index = 0;
  if (!dwarf_attr_integrate(&access.die, attribute, &found)) return {};
  if (dwarf_formudata(&found, &index) != 0) return {};
  Dwarf_Die unit;
  Dwarf_Die skeleton;
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  if (dwarf_cu_info(found.cu, nullptr, nullptr, &unit, &skeleton, nullptr, nullptr, nullptr) != 0) {
    return {};
  }
  if (dwarf_getsrcfiles(&unit, &files, &count) != 0 &&
      (!skeleton.addr || dwarf_getsrcfiles(&skeleton, &files, &count) != 0)) {
    return {};
  }
  if (index >= count) return {};
  const char* name = dwarf_filesrc(files, index, nullptr, nullptr);
  if (!name || std::string_view(name) == kNoFile) return {};
  return absolute_file({unit.addr, unit.cu}, name);
}

int DwarfEntry::line() const {
  const std::uint64_t line = number(DW_AT_decl_line).value_or(0);
  return line <= std::numeric_limits<int>::max() ? static_cast<int>(line) : 0;
}

std::uint64_t DwarfEntry::offset() const {
  Access access(*this);
  return dwarf_dieoffset(&access.die);
}

// A .dwo file's unit leaves the directory to the skeleton that stands for it.
std::string absolute_file(const DwarfEntry& unit, const char* name) {
  if (!name) return {};
  if (*name == '/') return name;
  std::string_view directory = unit.text(DW_AT_comp_dir);
  Dwarf_Die skeleton;
  if (directory.empty() && dwarf_cu_info(unit.unit(), nullptr, nullptr, nullptr, &skeleton, nullptr,
                                         nullptr, nullptr) == 0) {
    if (skeleton.addr) directory = DwarfEntry(skeleton.addr, skeleton.cu).text(DW_AT_comp_dir);
  }
  return directory.empty() ? name : std::string(directory) + "/" + name;
}

bool is_class(int tag) {
  return tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

bool is_pointer(int tag) {
  return tag == DW_TAG_pointer_type || tag == DW_TAG_reference_type ||
         tag == DW_TAG_rvalue_reference_type;
}

}  // namespace pstuck
