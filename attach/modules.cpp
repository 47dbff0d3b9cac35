// How mappings become modules.
//
// A loader maps one ELF file piece by piece: header and constants, code, constants again, data. All
// pieces lie in ascending order, the first one begins with the file's ELF header. The rest of .bss
// has no file behind it, and may lie behind the last piece or, with unusual linker scripts, between
// two. The program headers tell how far the image reaches; they also tell a small file's second
// piece that maps offset 0 again from a second copy of the whole library, loaded by dlmopen().
// Where the headers are not to be had, the pieces of one file count as one module up to the next
// mapping of another file.

#include "attach/modules.h"

#include <algorithm>

#include "attach/elf_image.h"

namespace pstuck {
namespace {

/// Loaders map privately; to read a shared mapping could bring in pages, or touch a device.
bool may_begin_module(const Mapping& mapping) {
  return mapping.file_offset == 0 && !mapping.shared &&
         (mapping.path.starts_with('/') || mapping.path == "[vdso]");
}

bool same_file(const Mapping& a, const Mapping& b) {
  return a.path == b.path && a.inode == b.inode && a.deleted == b.deleted;
}

/// Where the image ends, up to the page; none when its headers make no sense.
std::optional<Address> find_image_end(const ElfImage& image, Address header) {
  const std::uint64_t bias = load_bias(image, header);
  std::uint64_t size = 0;
  for (const ElfSegment& segment : image.segments) {
    size = std::max(size, segment.address + segment.memory_size + bias - header.value);
  }
  const Address end{page_floor(header.value + size + kPageSize - 1)};
  if (end <= header) return {};
  return end;
}

struct Extent {
  std::size_t next = 0;  ///< index of the first mapping behind the module
  Address end;
  bool has_code = false;
};

Extent find_extent(std::span<const Mapping> mappings, std::size_t first,
                   std::optional<Address> image_end) {
  const Mapping& head = mappings[first];
  Extent extent{.next = first + 1, .end = head.end, .has_code = head.executable};
  for (std::size_t i = first + 1; i < mappings.size(); ++i) {
    const Mapping& mapping = mappings[i];
    if (image_end && mapping.start >= *image_end) break;
    if (same_file(mapping, head)) {
      if (!image_end && mapping.file_offset == 0) break;
      extent.end = mapping.end;
      extent.has_code = extent.has_code || mapping.executable;
    } else if (!mapping.path.empty()) {
      break;
    } else if (image_end) {
      extent.end = std::min(mapping.end, *image_end);
    } else {
      continue;
    }
    extent.next = i + 1;
  }
  return extent;
}

}  // namespace

std::vector<Module> find_modules(std::span<const Mapping> mappings, Memory& memory,
                                 Machine machine) {
  std::vector<Module> modules;
  for (std::size_t i = 0; i < mappings.size();) {
    const Mapping& head = mappings[i];
    if (!may_begin_module(head)) {
      ++i;
      continue;
    }
    const auto image = read_elf_image(memory, head.start);
    const Extent extent =
        find_extent(mappings, i, image ? find_image_end(*image, head.start) : std::nullopt);
    const bool is_module = image ? image->machine == machine
                                 : extent.has_code && !memory.read_object<std::byte>(head.start);
    if (is_module) {
      modules.push_back({.start = head.start,
                         .end = extent.end,
                         .path = head.path,
                         .build_id = image ? image->build_id : std::string()});
      i = extent.next;
    } else {
      ++i;
    }
  }
  return modules;
}

}  // namespace pstuck
