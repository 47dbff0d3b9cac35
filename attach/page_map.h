#pragma once

#include <span>

#include "attach/descriptor.h"
#include "attach/memory.h"

namespace pstuck {

/// Adds the pages that /proc/PID/pagemap tells of; the entries' pages follow each other from
/// `first` on. Documentation/admin-guide/mm/pagemap.rst of the kernel.
void add_pages(std::span<const std::uint64_t> entries, Address first, PresentMemory& into);

/// Which pages of a live process are in memory. Asking brings none in.
class PageMap {
 public:
  explicit PageMap(Tid process);

  /// The whole range where the kernel does not tell.
  [[nodiscard]] PresentMemory find_present(AddressRange range) const;

 private:
  Descriptor file_;
};

}  // namespace pstuck
