#include "symbolize/lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

namespace pstuck {
namespace {

Dwarf_Die to_die(const DwarfEntry& entry) { return {entry.bytes(), entry.unit(), nullptr, 0}; }

void read_line(const DwarfEntry& unit, Dwarf_Addr pc, SourceCall& call) {
  Dwarf_Die die = to_die(unit);
  Dwarf_Line* line = dwarf_getsrc_die(&die, pc);
  if (!line) return;
  call.file = absolute_file(unit, dwarf_linesrc(line, nullptr, nullptr));
  dwarf_lineno(line, &call.line);
}

}  // namespace

std::vector<SourceCall> SourceLines::find(std::size_t module, Address at, bool name_function) {
  const auto unit = units_.find(module, at);
  if (!unit) return {};
  const Dwarf_Addr pc = at.value - unit->bias;
  std::vector<SourceCall> calls(1);
  read_line(unit->lines, pc, calls.front());
  const auto scopes = functions_.find(unit->full, pc);
  if (!scopes) return calls;
  for (const InlinedCall& inlined : scopes->inlined) {
    calls.back().function = inlined.function;
    calls.back().inlined = true;
    SourceCall& caller = calls.emplace_back();
    if (inlined.call_line <= 0) continue;
    caller.file = inlined.call_file;
    caller.line = inlined.call_line;
  }
  if (name_function) calls.back().function = functions_.name(scopes->function);
  return calls;
}

}  // namespace pstuck
