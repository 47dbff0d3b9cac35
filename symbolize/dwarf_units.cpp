#include "symbolize/dwarf_units.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace pstuck {
namespace {

constexpr std::size_t kMostUnitRanges = 1 << 22;

struct UnitRange {
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  Dwarf_Die* unit = nullptr;
};

/// clang writes no .debug_aranges, without which libdwfl finds no unit: so the units tell
/// themselves where their code is.
std::vector<UnitRange> read_unit_ranges(Dwfl_Module* module) {
  std::vector<UnitRange> ranges;
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = nullptr;
  while ((unit = dwfl_module_nextcu(module, unit, &bias))) {
    Dwarf_Addr base = 0;
    Dwarf_Addr start = 0;
    Dwarf_Addr end = 0;
    std::ptrdiff_t next = 0;
    while ((next = dwarf_ranges(unit, next, &base, &start, &end)) > 0) {
      if (ranges.size() == kMostUnitRanges) return ranges;
      // Code that the linker dropped keeps ranges at 0 or 1.
      if (start > 1 && start < end) ranges.push_back({start, end, unit});
    }
  }
  std::ranges::stable_sort(ranges, {}, &UnitRange::start);
  return ranges;
}

}  // namespace

class DwarfUnits::Impl {
 public:
  explicit Impl(LoadedModules& loaded) : modules(loaded) {}

  Dwarf_Die* find(std::size_t index, Dwfl_Module* module, Address at, Dwarf_Addr& bias);

  LoadedModules& modules;

 private:
  std::unordered_map<std::size_t, std::vector<UnitRange>> units_;  // of modules that need it
};

Dwarf_Die* DwarfUnits::Impl::find(std::size_t index, Dwfl_Module* module, Address at,
                                  Dwarf_Addr& bias) {
  Dwarf_Die* unit = dwfl_module_addrdie(module, at.value, &bias);
  // libdwfl joins neighbouring ranges of one unit over the gaps between them.
  if (unit && dwarf_haspc(unit, at.value - bias) != 0) return unit;
  if (!dwfl_module_getdwarf(module, &bias)) return nullptr;
  const auto [entry, is_new] = units_.try_emplace(index);
  if (is_new) entry->second = read_unit_ranges(module);
  const auto& ranges = entry->second;
  const auto after = std::ranges::upper_bound(ranges, at.value - bias, {}, &UnitRange::start);
  if (after == ranges.begin() || at.value - bias >= std::prev(after)->end) return nullptr;
  return std::prev(after)->unit;
}

DwarfUnits::DwarfUnits(LoadedModules& modules) : impl_(std::make_unique<Impl>(modules)) {}

DwarfUnits::~DwarfUnits() = default;

std::optional<UnitAt> DwarfUnits::find(std::size_t module, Address at) {
  Dwfl_Module* handle = impl_->modules.open(module);
  Dwarf_Addr bias = 0;
  const Dwarf_Die* unit = handle ? impl_->find(module, handle, at, bias) : nullptr;
  if (!unit) return {};
  const DwarfEntry lines(unit->addr, unit->cu);
  return UnitAt{lines, find_full_unit(lines), bias};
}

DwarfEntry find_full_unit(const DwarfEntry& unit) {
  Dwarf_Die split;
  std::uint8_t type = 0;
  const int result =
      dwarf_cu_info(unit.unit(), nullptr, &type, nullptr, &split, nullptr, nullptr, nullptr);
  if (result != 0 || type != DW_UT_skeleton || !split.addr) return unit;
  return {split.addr, split.cu};
}

}  // namespace pstuck
