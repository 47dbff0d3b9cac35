#include "symbolize/lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <algorithm>
#include <unordered_map>

#include "symbolize/dwarf_functions.h"

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

std::string read_file(Dwarf_Die* unit, const char* name) {
  if (!name) return {};
  if (*name == '/') return name;
  Dwarf_Attribute attribute;
  const char* directory = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
  return directory ? std::string(directory) + "/" + name : name;
}

void read_line(Dwarf_Die* unit, Dwarf_Addr pc, SourceCall& call) {
  Dwarf_Line* line = dwarf_getsrc_die(unit, pc);
  if (!line) return;
  call.file = read_file(unit, dwarf_linesrc(line, nullptr, nullptr));
  dwarf_lineno(line, &call.line);
}

/// The unit with the functions, which for -gsplit-dwarf is in a .dwo file.
Dwarf_Die find_full_unit(const Dwarf_Die& unit) {
  Dwarf_Die split;
  std::uint8_t type = 0;
  if (dwarf_cu_info(unit.cu, nullptr, &type, nullptr, &split, nullptr, nullptr, nullptr) == 0 &&
      type == DW_UT_skeleton && split.addr) {
    return split;
  }
  return unit;
}

}  // namespace

class SourceLines::Impl {
 public:
  explicit Impl(LoadedModules& modules) : modules_(modules) {}

  std::vector<SourceCall> find(std::size_t index, Address at, bool name_function);

 private:
  Dwarf_Die* find_unit(std::size_t index, Dwfl_Module* module, Address at, Dwarf_Addr& bias);

  LoadedModules& modules_;
  std::unordered_map<std::size_t, std::vector<UnitRange>> units_;  // of modules that need it
  DwarfFunctions functions_;
};

Dwarf_Die* SourceLines::Impl::find_unit(std::size_t index, Dwfl_Module* module, Address at,
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

std::vector<SourceCall> SourceLines::Impl::find(std::size_t index, Address at, bool name_function) {
  Dwfl_Module* module = modules_.open(index);
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = module ? find_unit(index, module, at, bias) : nullptr;
  if (!unit) return {};
  const Dwarf_Addr pc = at.value - bias;
  std::vector<SourceCall> calls(1);
  read_line(unit, pc, calls.front());
  Dwarf_Die full = find_full_unit(*unit);
  const DwarfUnit place{dwarf_cu_getdwarf(full.cu), dwarf_dieoffset(&full)};
  const auto scopes = functions_.find(place, pc);
  if (!scopes) return calls;
  Dwarf_Files* files = nullptr;
  std::size_t file_count = 0;
  if (!scopes->inlined.empty()) dwarf_getsrcfiles(&full, &files, &file_count);
  for (const InlinedCall& inlined : scopes->inlined) {
    calls.back().function = inlined.function;
    calls.back().inlined = true;
    SourceCall& caller = calls.emplace_back();
    if (!files || inlined.call_line <= 0) continue;
    caller.file = read_file(unit, dwarf_filesrc(files, inlined.call_file, nullptr, nullptr));
    caller.line = inlined.call_line;
  }
  if (name_function) calls.back().function = functions_.name(place, *scopes);
  return calls;
}

SourceLines::SourceLines(LoadedModules& modules) : impl_(std::make_unique<Impl>(modules)) {}

SourceLines::~SourceLines() = default;

std::vector<SourceCall> SourceLines::find(std::size_t module, Address at, bool name_function) {
  return impl_->find(module, at, name_function);
}

}  // namespace pstuck
