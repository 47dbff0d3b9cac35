#pragma once

#include <vector>

#include "attach/memory.h"

namespace pstuck {

/// Memory put together from pieces that stand in files.
class CoreMemory final : public Memory {
 public:
  struct Piece {
    Address start;
    AddressRange in_file;  ///< offsets; not empty
    Memory* file;          ///< must outlive the memory
  };

  /// The pieces must not overlap; their order is free.
  void set_pieces(std::vector<Piece> pieces);

  std::size_t read(Address from, std::span<std::byte> into) noexcept override;
  PresentMemory find_present(AddressRange range) override;

 private:
  std::vector<Piece> pieces_;  // ascending
};

}  // namespace pstuck
