#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "attach/memory.h"
#include "symbolize/modules.h"

namespace pstuck {

/// The code of one function, or of one part of it that the compiler put apart.
struct FunctionRange {
  Address start;
  Address end;
};

/// Where functions begin and end, from the unwind tables, which stripped files have too: the sorted
/// one in .eh_frame_hdr, or .eh_frame itself where there is no other. Each module's table is found
/// when first asked.
class FunctionRanges {
 public:
  /// Both must outlive it.
  FunctionRanges(LoadedModules& modules, Memory& memory) : modules_(modules), memory_(memory) {}

  /// None where no entry of the table covers the address, and for code that nobody can decode.
  std::optional<FunctionRange> find(Address at);

 private:
  struct Table {
    Address header;   ///< what the entries count from
    Address entries;  ///< pairs of signed 32-bit numbers: function, its description
    std::uint64_t count = 0;
    std::vector<FunctionRange> functions;  ///< ascending; for a module without such entries
  };

  const Table& table_of(std::size_t module);
  std::optional<Table> read_sorted_table(std::size_t module);
  std::vector<FunctionRange> read_descriptions(std::size_t module);
  std::optional<FunctionRange> find_in_entries(const Table& table, Address at);
  std::optional<FunctionRange> read_entry(const Table& table, std::uint64_t index);

  LoadedModules& modules_;
  Memory& memory_;
  std::unordered_map<std::size_t, Table> tables_;
};

}  // namespace pstuck
