// A slot of the global offset table that calls go through has a relocation of the kind JUMP_SLOT or
// GLOB_DAT, which names the symbol (System V ABI, x86-64 supplement, 4.4 and 5.2). With lazy
// binding the slot leads back into the PLT until the first call.

#include "symbolize/import_slots.h"

#include <elfutils/libdwfl.h>
#include <gelf.h>

#include <algorithm>

namespace pstuck {
namespace {

constexpr std::size_t kMostRelocations = 1 << 20;  // of one section

}  // namespace

void ImportSlots::read_module(std::size_t module) {
  Dwfl_Module* handle = modules_.open(module);
  GElf_Addr bias = 0;
  Elf* elf = handle ? dwfl_module_getelf(handle, &bias) : nullptr;
  if (!elf) return;
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf, section))) read_section(elf, section, bias);
}

void ImportSlots::read_section(Elf* elf, Elf_Scn* section, std::uint64_t bias) {
  GElf_Shdr header;
  GElf_Shdr symbols_header;
  const bool has_relocations =
      gelf_getshdr(section, &header) && header.sh_type == SHT_RELA && header.sh_entsize != 0;
  Elf_Scn* symbols = has_relocations ? elf_getscn(elf, header.sh_link) : nullptr;
  if (!symbols || !gelf_getshdr(symbols, &symbols_header)) return;
  Elf_Data* entries = elf_getdata(section, nullptr);
  Elf_Data* table = elf_getdata(symbols, nullptr);
  if (!entries || !table) return;
  const std::size_t count = std::min(entries->d_size / header.sh_entsize, kMostRelocations);
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Rela entry;
    if (!gelf_getrela(entries, static_cast<int>(i), &entry)) return;
    const auto type = GELF_R_TYPE(entry.r_info);
    if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) continue;
    GElf_Sym symbol;
    if (!gelf_getsym(table, static_cast<int>(GELF_R_SYM(entry.r_info)), &symbol)) continue;
    const char* name = elf_strptr(elf, symbols_header.sh_link, symbol.st_name);
    if (name && *name != '\0') names_.try_emplace(Address{entry.r_offset + bias}, name);
  }
}

std::optional<std::string_view> ImportSlots::find_name(Address slot) {
  const auto module = modules_.find(slot);
  if (!module) return {};
  if (modules_read_.insert(*module).second) read_module(*module);
  const auto found = names_.find(slot);
  if (found == names_.end()) return {};
  return found->second;
}

}  // namespace pstuck
