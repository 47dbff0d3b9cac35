#include "attach/core_mappings.h"

#include <algorithm>

namespace pstuck {
namespace {

constexpr Address kNowhere{UINT64_MAX};

template <typename Range>
void drop_before(std::span<const Range>& ranges, Address at) {
  while (!ranges.empty() && ranges.front().end <= at) ranges = ranges.subspan(1);
}

template <typename Range>
Address next_start(std::span<const Range> ranges, Address at) {
  return ranges.empty() ? kNowhere : std::max(at, ranges.front().start);
}

/// Where the first range begins or ends next, seen from `at`.
template <typename Range>
Address next_border(std::span<const Range> ranges, Address at) {
  if (ranges.empty()) return kNowhere;
  return ranges.front().start <= at ? ranges.front().end : ranges.front().start;
}

void set_permissions(Mapping& mapping, const CoreSegment& segment) {
  mapping.readable = segment.readable;
  mapping.writable = segment.writable;
  mapping.executable = segment.executable;
}

void set_file(Mapping& mapping, const CoreFileRange& file) {
  mapping.file_offset = file.file_offset + (mapping.start - file.start);
  std::string_view path = file.path;
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) {
    mapping.deleted = true;
    path.remove_suffix(kDeleted.size());
  }
  mapping.path = path;
}

}  // namespace

std::vector<Mapping> make_core_mappings(std::span<const CoreSegment> segments,
                                        std::span<const CoreFileRange> files,
                                        std::optional<Address> vdso) {
  std::vector<Mapping> mappings;
  Address at;
  while (!segments.empty() || !files.empty()) {
    const Address in_segment = next_start(segments, at);
    const Address in_file = next_start(files, at);
    const Address start = std::min(in_segment, in_file);
    Mapping mapping{.start = start,
                    .end = std::min(next_border(segments, start), next_border(files, start)),
                    .readable = true};
    if (in_segment == start) set_permissions(mapping, segments.front());
    if (in_file == start) set_file(mapping, files.front());
    if (start == vdso && mapping.path.empty()) mapping.path = "[vdso]";
    at = mapping.end;
    mappings.push_back(std::move(mapping));
    drop_before(segments, at);
    drop_before(files, at);
  }
  return mappings;
}

}  // namespace pstuck
