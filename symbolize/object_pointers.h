#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "symbolize/dwarf_types.h"

namespace pstuck {

/// A pointer or reference in an object, to something that has locks in it.
struct PointerInObject {
  std::uint64_t offset = 0;
  std::string path;    ///< ".cache_"; "" where only the standard library has a name for it
  DwarfEntry pointee;  ///< bare
  std::uint64_t pointee_size = 0;
  bool is_reference = false;
  bool is_guard = false;   ///< its object holds the lock as long as it exists
  bool is_vector = false;  ///< to elements, whose end is the next word; they may be pointers
};

/// What objects point to. Modules go by their index.
class ObjectPointers {
 public:
  explicit ObjectPointers(DwarfTypes& types) : types_(types) {}

  /// Of a bare type, ascending; those in its members and base classes included. A pointer points
  /// itself, at offset 0.
  const std::vector<PointerInObject>& find(std::size_t module, const DwarfEntry& type);

 private:
  struct Shape {
    std::vector<PointerInObject> pointers;
    bool is_plain = true;  ///< has only numbers, pointers, guards, and objects of such
    bool is_guard = false;
  };

  const Shape& inspect(std::size_t module, const DwarfEntry& type, int depth);
  Shape inspect_class(std::size_t module, const DwarfEntry& type, int depth);
  void add(std::size_t module, const DwarfEntry& type, std::uint64_t offset,
           const std::string& path, int depth, Shape& shape);
  std::vector<PointerInObject> find_pointee(std::size_t module, const DwarfEntry& pointer);
  std::vector<PointerInObject> find_vector(std::size_t module, const DwarfEntry& type, int depth);

  DwarfTypes& types_;
  std::unordered_map<const void*, Shape> shapes_;
};

}  // namespace pstuck
