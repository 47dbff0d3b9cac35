#include "attach/core_memory.h"

#include <algorithm>

namespace pstuck {

void CoreMemory::set_pieces(std::vector<Piece> pieces) {
  pieces_ = std::move(pieces);
  std::ranges::stable_sort(pieces_, {}, &Piece::start);
}

std::size_t CoreMemory::read(Address from, std::span<std::byte> into) noexcept {
  std::size_t done = 0;
  auto next = std::ranges::upper_bound(pieces_, from, {}, &Piece::start);
  if (next != pieces_.begin()) --next;
  for (; next != pieces_.end() && done < into.size(); ++next) {
    const Address at = from + done;
    if (at < from || at < next->start) break;
    const std::uint64_t skip = at - next->start;
    if (skip >= next->in_file.size()) break;
    const std::size_t count = std::min(into.size() - done, next->in_file.size() - skip);
    const std::size_t got = next->file->read(next->in_file.start + skip, into.subspan(done, count));
    done += got;
    if (got < count) break;
  }
  return done;
}

PresentMemory CoreMemory::find_present(AddressRange range) {
  PresentMemory present;
  auto next = std::ranges::upper_bound(pieces_, range.start, {}, &Piece::start);
  if (next != pieces_.begin()) --next;
  for (; next != pieces_.end() && next->start < range.end; ++next) {
    const AddressRange part{std::max(range.start, next->start),
                            std::min(range.end, next->start + next->in_file.size())};
    if (part.size() == 0) continue;
    const Address offset = next->in_file.start + (part.start - next->start);
    for (const AddressRange& data :
         next->file->find_present({offset, offset + part.size()}).ranges) {
      present.ranges.push_back(
          {part.start + (data.start - offset), part.start + (data.end - offset)});
    }
  }
  return present;
}

}  // namespace pstuck
