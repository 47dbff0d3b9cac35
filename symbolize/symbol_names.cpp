// Naming all addresses of one module in one pass over its symbol table.
//
// libdwfl's own lookup scans the whole table for every address. Here the addresses are few and
// sorted, and each symbol looks for those that it covers:
//
//     addresses        a1      a2  a3            a4
//     sized symbol  [------- f -------)                  f: a1 a2 a3
//     sized symbol          [-- g --)                    g: a2, since it begins closer to a2
//     no size                             label  ·       a4, if no symbol begins in between
//
// A symbol without a size, which is how hand-written assembler shows, goes on until the next symbol
// or the end of its section. For that it is enough to remember, for the first address at or behind
// each symbol, the closest one; a sweep over the addresses carries them on. In a stripped file,
// whose dynamic symbols are all there is, the next function may well have no symbol: there such a
// symbol names nothing.
//
// Among names for the same place the order is_better_name() decides, so that "read" is shown rather
// than "__GI___read", whatever order the table has.

#include "symbolize/symbol_names.h"

#include <elfutils/libdwfl.h>

#include <algorithm>
#include <tuple>

#include "symbolize/demangle.h"

namespace pstuck {
namespace {

// A table made to let every symbol cover every address must not take for ever.
constexpr std::size_t kMostComparisons = std::size_t{1} << 26;

struct Candidate {
  SymbolRank rank;
  std::uint64_t start = 0;
  std::uint64_t size = 0;
  std::uint64_t section_end = 0;  ///< for a symbol without a size
};

bool is_function(const GElf_Sym& symbol, GElf_Word section) {
  const int type = GELF_ST_TYPE(symbol.st_info);
  if (section == SHN_UNDEF || section == SHN_ABS) return false;
  return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

/// True when `a` describes the place that both cover better.
bool is_better(const Candidate& a, const Candidate& b) {
  if (a.start != b.start) return a.start > b.start;
  if (a.size != b.size) return a.size < b.size;
  return is_better_name(a.rank, b.rank);
}

std::size_t leading_underscores(std::string_view name) {
  if (name.starts_with("_Z") || name.starts_with("_R")) return 0;
  return std::min(name.find_first_not_of('_'), name.size());
}

class Pass {
 public:
  Pass(Dwfl_Module* module, std::span<const Address> addresses)
      : module_(module),
        addresses_(addresses),
        covering_(addresses.size()),
        nearest_(addresses.size()) {}

  std::vector<std::optional<FunctionSymbol>> run();

 private:
  void take(int index);
  void take_sized(const Candidate& symbol, std::size_t first);
  void take_nearest(const Candidate& symbol, std::size_t first);
  void carry_nearest_on();

  Dwfl_Module* module_;
  std::span<const Address> addresses_;
  std::vector<std::optional<Candidate>> covering_;
  std::vector<std::optional<Candidate>> nearest_;
  std::size_t comparisons_ = 0;
  bool has_local_functions_ = false;  // so the table is a whole one, not just the dynamic symbols
};

std::uint64_t find_section_end(Elf* elf, GElf_Word section, const GElf_Sym& symbol,
                               GElf_Addr address) {
  Elf_Scn* scn = elf ? elf_getscn(elf, section) : nullptr;
  GElf_Shdr header;
  if (!scn || !gelf_getshdr(scn, &header)) return address;
  return header.sh_addr + header.sh_size - symbol.st_value + address;
}

void Pass::take(int index) {
  GElf_Sym symbol;
  GElf_Addr address = 0;
  GElf_Word section = 0;
  Elf* elf = nullptr;
  const char* name =
      dwfl_module_getsym_info(module_, index, &symbol, &address, &section, &elf, nullptr);
  if (!name || *name == '\0' || !is_function(symbol, section)) return;
  const int binding = GELF_ST_BIND(symbol.st_info);
  has_local_functions_ = has_local_functions_ || binding == STB_LOCAL;
  const auto at = std::ranges::lower_bound(addresses_, Address{address});
  if (at == addresses_.end()) return;
  const auto first = static_cast<std::size_t>(at - addresses_.begin());
  Candidate candidate{.rank = {name, binding == STB_LOCAL, binding == STB_WEAK},
                      .start = address,
                      .size = symbol.st_size};
  if (candidate.size != 0) take_sized(candidate, first);
  const bool matters = !nearest_[first] || address >= nearest_[first]->start;
  if (!matters) return;
  if (candidate.size == 0) {
    candidate.section_end = find_section_end(elf, section, symbol, address);
  }
  take_nearest(candidate, first);
}

void Pass::take_sized(const Candidate& symbol, std::size_t first) {
  for (std::size_t i = first; i < addresses_.size(); ++i) {
    if (addresses_[i].value - symbol.start >= symbol.size) return;
    if (++comparisons_ > kMostComparisons) return;
    if (!covering_[i] || is_better(symbol, *covering_[i])) covering_[i] = symbol;
  }
}

void Pass::take_nearest(const Candidate& symbol, std::size_t first) {
  std::optional<Candidate>& nearest = nearest_[first];
  // Where a symbol of known size begins too, the function ends where that one says.
  const bool is_kept = nearest && nearest->start == symbol.start && nearest->size != 0;
  const bool wins = nearest && nearest->start == symbol.start && symbol.size != 0;
  if (!nearest || wins || (!is_kept && is_better(symbol, *nearest))) nearest = symbol;
}

void Pass::carry_nearest_on() {
  for (std::size_t i = 1; i < nearest_.size(); ++i) {
    if (!nearest_[i]) nearest_[i] = nearest_[i - 1];
  }
}

std::vector<std::optional<FunctionSymbol>> Pass::run() {
  const int count = dwfl_module_getsymtab(module_);
  for (int i = 0; i < count; ++i) take(i);
  carry_nearest_on();
  std::vector<std::optional<FunctionSymbol>> found(addresses_.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::optional<Candidate>& nearest = nearest_[i];
    const bool in_label = has_local_functions_ && nearest && nearest->size == 0 &&
                          addresses_[i].value < nearest->section_end;
    const std::optional<Candidate>& best = covering_[i] ? covering_[i] : nearest;
    if (!covering_[i] && !in_label) continue;
    found[i] = {without_version(best->rank.name), Address{best->start}};
  }
  return found;
}

}  // namespace

bool is_better_name(const SymbolRank& a, const SymbolRank& b) {
  const auto order = [](const SymbolRank& symbol) {
    const std::string_view bare = without_version(symbol.name);
    return std::tuple(symbol.local, leading_underscores(bare), symbol.weak, bare.size(), bare,
                      symbol.name.size());
  };
  return order(a) < order(b);
}

std::vector<std::optional<FunctionSymbol>> find_functions(Dwfl_Module* module,
                                                          std::span<const Address> addresses) {
  return Pass(module, addresses).run();
}

void visit_functions(Dwfl_Module* module,
                     const std::function<void(std::string_view name, Address start)>& visit) {
  const int count = dwfl_module_getsymtab(module);
  for (int i = 0; i < count; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    GElf_Word section = 0;
    const char* name =
        dwfl_module_getsym_info(module, i, &symbol, &address, &section, nullptr, nullptr);
    if (!name || GELF_ST_TYPE(symbol.st_info) != STT_FUNC || section == SHN_UNDEF) continue;
    visit(name, Address{address});
  }
}

}  // namespace pstuck
