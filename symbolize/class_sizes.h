#pragma once

#include <unordered_map>
#include <vector>

#include "attach/memory.h"
#include "symbolize/function_ranges.h"
#include "symbolize/modules.h"

namespace pstuck {

/// The sizes of classes with virtual destructors, from machine code. All must outlive it.
class ClassSizes {
 public:
  ClassSizes(LoadedModules& modules, Memory& memory, FunctionRanges& ranges)
      : modules_(modules), memory_(memory), ranges_(ranges) {}

  /// Sizes of objects that the virtual functions of this table give back to the heap, the size of
  /// the table's own class among them. Where operator delete goes by no name that is known, all
  /// numbers that could be such a size. Empty where the code does not tell.
  const std::vector<std::uint64_t>& find(Address table);

 private:
  struct Sizes {
    std::vector<std::uint64_t> deleted;
    std::vector<std::uint64_t> passed;  ///< to any function
  };

  std::vector<std::byte> read_code(Address function);
  void read_function(Address function, Sizes& sizes);
  bool is_sized_delete(Address called);
  Address find_sized_delete(std::size_t module);

  LoadedModules& modules_;
  Memory& memory_;
  FunctionRanges& ranges_;
  std::unordered_map<std::size_t, Address> sized_deletes_;               // by module
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> known_;  // by table
};

}  // namespace pstuck
