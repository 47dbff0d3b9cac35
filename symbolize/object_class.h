#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "attach/memory.h"
#include "symbolize/class_sizes.h"
#include "symbolize/modules.h"

namespace pstuck {

/// An object on the heap, and its class.
struct HeapObject {
  std::string class_name;  ///< of the most derived class, demangled
  Address start;
  std::size_t module = 0;  ///< that the class's virtual table is in
  /// The object fills the block of memory that it begins. Else it can as well be the first member
  /// of another one, which may be a struct that has no virtual table.
  bool is_whole = false;
};

/// Finds the classes of objects from their virtual tables: needs no symbols, only memory.
/// All that it is made with must outlive it.
class ObjectClasses {
 public:
  ObjectClasses(const Snapshot& snapshot, LoadedModules& modules, Memory& memory,
                FunctionRanges& ranges);

  /// The object with a virtual table that the address lies in, or the one that std::make_shared
  /// made. None where that is not certain: outside the blocks of glibc's malloc, too.
  std::optional<HeapObject> find(Address at);

  /// The class whose virtual table the first word of `object` points to.
  std::optional<std::string> find_by_table(Address object);

 private:
  struct Block {
    Address start;  ///< what malloc returned
    Address end;    ///< how far it may be used
  };
  struct VirtualTable {
    std::string class_name;
    std::size_t module = 0;
  };
  /// What stands before an address, read page by page.
  struct Words {
    Address start;
    std::vector<std::uint64_t> words;  ///< the last one covers the address
    [[nodiscard]] std::uint64_t at(Address place) const { return words[(place - start) / 8]; }
  };

  [[nodiscard]] bool is_data(Address at) const;
  [[nodiscard]] bool is_on_stack(Address at, const Mapping& mapping) const;
  bool read_page_before(Words& words, const Mapping& heap);
  std::optional<Block> find_block(Address at, Words& words, const Mapping& heap);
  static std::vector<Address> find_elements(const Words& words, Address first, Address at);
  std::optional<Block> check_block(Address start, std::uint64_t size_word, const Mapping& heap);
  bool is_in_use_before(Address chunk, const Mapping& heap);
  const std::optional<VirtualTable>& table(Address at);
  std::optional<VirtualTable> read_table(Address at);
  bool fills(const Block& block, Address table, std::optional<std::uint64_t> distance);
  std::optional<std::string> read_type_name(Address type_info);
  bool describes_a_class(Address type_info);

  const Snapshot& snapshot_;
  LoadedModules& modules_;
  Memory& memory_;
  ClassSizes sizes_;
  std::vector<const Mapping*> data_;  // of files, readable, no code; ascending
  std::unordered_map<std::uint64_t, std::optional<VirtualTable>> tables_;
};

}  // namespace pstuck
