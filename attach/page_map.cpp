#include "attach/page_map.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "attach/elf_image.h"
#include "attach/proc_files.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
constexpr std::uint64_t kSwapped = std::uint64_t{1} << 62;

void add_range(AddressRange range, std::vector<AddressRange>& into) {
  if (!into.empty() && into.back().end == range.start) {
    into.back().end = range.end;
  } else {
    into.push_back(range);
  }
}

}  // namespace

void add_pages(std::span<const std::uint64_t> entries, Address first, PresentMemory& into) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Address page = first + i * kPageSize;
    if ((entries[i] & kPresent) != 0) {
      add_range({page, page + kPageSize}, into.ranges);
    } else if ((entries[i] & kSwapped) != 0) {
      into.swapped += kPageSize;
    }
  }
}

PageMap::PageMap(Tid process)
    : file_(::open(proc_path(process, "pagemap").c_str(), O_RDONLY | O_CLOEXEC)) {}

PresentMemory PageMap::find_present(AddressRange range) const {
  PresentMemory present;
  std::array<std::uint64_t, 8192> entries;
  Address page{page_floor(range.start.value)};
  while (page < range.end) {
    const std::uint64_t pages = (range.end - page + kPageSize - 1) / kPageSize;
    const std::size_t wanted = std::min<std::uint64_t>(pages, entries.size()) * sizeof entries[0];
    const auto at = static_cast<off_t>(page.value / kPageSize * sizeof entries[0]);
    const ssize_t got = ::pread(file_.get(), entries.data(), wanted, at);
    if (got < static_cast<ssize_t>(sizeof entries[0])) {
      add_range({std::max(page, range.start), range.end}, present.ranges);
      return present;
    }
    const std::size_t count = static_cast<std::size_t>(got) / sizeof entries[0];
    add_pages(std::span(entries).first(count), page, present);
    page = page + count * kPageSize;
  }
  if (!present.ranges.empty()) {
    AddressRange& first = present.ranges.front();
    AddressRange& last = present.ranges.back();
    first.start = std::max(first.start, range.start);
    last.end = std::min(last.end, range.end);
  }
  return present;
}

}  // namespace pstuck
