#include "symbolize/unwind_tables.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdlib>

namespace pstuck {
namespace {

std::optional<FrameBase> read_base(Dwarf_Frame* frame) {
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  if (dwarf_frame_cfa(frame, &operations, &count) != 0 || count != 1) return {};
  const Dwarf_Op& operation = operations[0];
  if (operation.atom == DW_OP_bregx) {
    return FrameBase{static_cast<unsigned>(operation.number), operation.number2};
  }
  if (operation.atom >= DW_OP_breg0 && operation.atom <= DW_OP_breg31) {
    return FrameBase{static_cast<unsigned>(operation.atom - DW_OP_breg0), operation.number};
  }
  return {};
}

/// dwarf_frame_register(): no operations, in the caller's own array, is "undefined".
bool is_outermost(Dwarf_Frame* frame, int return_address) {
  Dwarf_Op own[3];
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  return dwarf_frame_register(frame, return_address, own, &operations, &count) == 0 && count == 0 &&
         operations == own;
}

struct FreeFrame {
  void operator()(Dwarf_Frame* frame) const { std::free(frame); }
};
using OwnedFrame = std::unique_ptr<Dwarf_Frame, FreeFrame>;

/// Null where there is no table, or none for this address.
OwnedFrame find_frame(Dwarf_CFI* table, Dwarf_Addr at) {
  Dwarf_Frame* frame = nullptr;
  if (!table || dwarf_cfi_addrframe(table, at, &frame) != 0) return {};
  return OwnedFrame(frame);
}

/// From either table.
OwnedFrame find_frame(LoadedModules& modules, Address at) {
  const auto index = modules.find(at);
  Dwfl_Module* module = index ? modules.open(*index) : nullptr;
  if (!module) return {};
  Dwarf_Addr bias = 0;
  Dwarf_CFI* table = dwfl_module_eh_cfi(module, &bias);
  if (auto frame = find_frame(table, at.value - bias)) return frame;
  table = dwfl_module_dwarf_cfi(module, &bias);
  return find_frame(table, at.value - bias);
}

}  // namespace

bool has_unwind_row(LoadedModules& modules, Address at) {
  return find_frame(modules, at) != nullptr;
}

std::optional<UnwindRow> find_unwind_row(LoadedModules& modules, Address at) {
  const auto index = modules.find(at);
  Dwfl_Module* module = index ? modules.open(*index) : nullptr;
  Dwarf_Addr bias = 0;
  Dwarf_CFI* table = module ? dwfl_module_eh_cfi(module, &bias) : nullptr;
  const OwnedFrame owner = find_frame(table, at.value - bias);
  if (!owner) return {};
  Dwarf_Frame* const frame = owner.get();
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  bool is_signal = false;
  const int return_address = dwarf_frame_info(frame, &start, &end, &is_signal);
  if (return_address < 0) return {};
  return UnwindRow{Address{start + bias}, read_base(frame), is_outermost(frame, return_address)};
}

}  // namespace pstuck
