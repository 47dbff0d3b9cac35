// The program's thread-local variables, from a thread's pointer to its control block.
//
//     tp - offset                        tp
//     | t_count | t_state {a, mu} | … |  | control block: its own address …
//     PT_TLS segment's copy              fs_base
//
// x86-64's ABI puts the program's block right below the control block ("variant II"), which glibc
// and musl do in the same way when the segment's address is as aligned as it asks for: the offset
// is the segment's size, rounded up. Anything else is not taken.

#include "symbolize/thread_locals.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "symbolize/dwarf_locations.h"
#include "symbolize/dwarf_units.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostEntries = 4'000'000;
constexpr int kDeepest = 64;
constexpr std::uint64_t kBiggestBlock = 1 << 24;

struct Variable {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  DwarfEntry entry;
};

/// How far below the thread pointer the program's block begins.
std::optional<std::uint64_t> read_block_offset(Dwfl_Module* module) {
  GElf_Addr bias = 0;
  Elf* elf = dwfl_module_getelf(module, &bias);
  std::size_t count = 0;
  if (!elf || elf_getphdrnum(elf, &count) != 0) return {};
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (!gelf_getphdr(elf, static_cast<int>(i), &header) || header.p_type != PT_TLS) continue;
    const std::uint64_t align = std::max<std::uint64_t>(header.p_align, 1);
    const bool is_usual = std::has_single_bit(align) && header.p_vaddr % align == 0;
    if (!is_usual || align > kBiggestBlock || header.p_memsz > kBiggestBlock) return {};
    return (header.p_memsz + align - 1) / align * align;
  }
  return {};
}

/// Gathers the thread-local variables of a unit, those in functions too.
class Gatherer {
 public:
  void walk(const DwarfEntry& parent, int depth) {
    if (depth > kDeepest) return;
    for (auto child = parent.first_child(); child && budget_ > 0; child = child->next_sibling()) {
      --budget_;
      const int tag = child->tag();
      const bool is_scope =
          tag == DW_TAG_namespace || tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block;
      if (is_scope) walk(*child, depth + 1);
      if (tag == DW_TAG_variable) add(*child);
    }
  }

  std::vector<Variable> variables;

 private:
  void add(const DwarfEntry& entry) {
    const auto offset = read_thread_local_offset(entry);
    const auto type = offset ? entry.type() : std::nullopt;
    const auto size = type ? type->byte_size() : std::nullopt;
    if (size) variables.push_back({*offset, *size, entry});
  }

  std::size_t budget_ = kMostEntries;
};

}  // namespace

class ThreadLocals::Impl {
 public:
  Impl(const Snapshot& snapshot, LoadedModules& loaded, Memory& target, DwarfTypes& known)
      : modules(loaded), memory(target), types(known) {
    const auto found =
        std::ranges::find(snapshot.modules, snapshot.process.executable, &Module::path);
    if (found != snapshot.modules.end()) {
      program = static_cast<std::size_t>(found - snapshot.modules.begin());
    }
  }

  /// Where the thread's block begins, if the address lies in it.
  std::optional<Address> find_block(const ThreadSnapshot& thread, Address at);
  const std::vector<Variable>& list_variables();

  LoadedModules& modules;
  Memory& memory;
  DwarfTypes& types;
  std::optional<std::size_t> program;

 private:
  bool is_open_ = false;
  std::optional<std::uint64_t> block_offset_;
  std::optional<std::vector<Variable>> variables_;
};

std::optional<Address> ThreadLocals::Impl::find_block(const ThreadSnapshot& thread, Address at) {
  const auto tp = thread.registers.thread_pointer;
  if (!program || !tp || at >= *tp || *tp - at > kBiggestBlock) return {};
  if (!std::exchange(is_open_, true)) {
    Dwfl_Module* handle = modules.open(*program);
    if (handle) block_offset_ = read_block_offset(handle);
  }
  if (!block_offset_ || *tp - at > *block_offset_) return {};
  if (memory.read_object<std::uint64_t>(*tp) != tp->value) return {};
  return *tp - *block_offset_;
}

const std::vector<Variable>& ThreadLocals::Impl::list_variables() {
  if (!variables_) {
    Gatherer gatherer;
    Dwarf_Addr bias = 0;
    Dwarf_Die* unit = nullptr;
    Dwfl_Module* handle = modules.open(*program);
    while ((unit = dwfl_module_nextcu(handle, unit, &bias)) != nullptr) {
      gatherer.walk(find_full_unit({unit->addr, unit->cu}), 0);
    }
    variables_ = std::move(gatherer.variables);
  }
  return *variables_;
}

ThreadLocals::ThreadLocals(const Snapshot& snapshot, LoadedModules& modules, Memory& memory,
                           DwarfTypes& types)
    : impl_(std::make_unique<Impl>(snapshot, modules, memory, types)) {}

ThreadLocals::~ThreadLocals() = default;

std::optional<ThreadLocalLock> ThreadLocals::find(const ThreadSnapshot& thread, Address lock) {
  const auto block = impl_->find_block(thread, lock);
  if (!block) return {};
  for (const Variable& variable : impl_->list_variables()) {
    const Address start = *block + variable.offset;
    const auto type = lock - start < variable.size ? variable.entry.type() : std::nullopt;
    const auto member =
        type ? impl_->types.find_lock(*impl_->program, *type, lock - start) : std::nullopt;
    if (!member) continue;
    return ThreadLocalLock{.variable = impl_->types.scopes().qualified_name(variable.entry),
                           .variable_type = impl_->types.name(type),
                           .member = *member,
                           .start = start,
                           .file = variable.entry.file(DW_AT_decl_file),
                           .line = variable.entry.line()};
  }
  return {};
}

}  // namespace pstuck
