// .eh_frame_hdr, as the Linux Standard Base describes it (LSB Core, 10.6): a version byte, three
// encodings, the pointer to .eh_frame, the number of entries, and the entries, ascending. All
// linkers write them as pairs of 32-bit numbers that count from the header; a table of another
// form is left alone. The second number leads to the function's description in .eh_frame, whose
// fourth word is the length of the code where the usual encoding is in use:
//
//     length | how far back the common entry (CIE) is, 0 in a CIE itself | function | size | …
//
// gcc -static links no .eh_frame_hdr: there the descriptions are gone through one by one, once.

#include "symbolize/function_ranges.h"

#include <elfutils/libdwfl.h>

#include <algorithm>
#include <cstring>

namespace pstuck {
namespace {

// DW_EH_PE_* of the LSB: udata4, and datarel | sdata4.
constexpr std::uint8_t kCountEncoding = 0x03;
constexpr std::uint8_t kEntryEncoding = 0x3b;

// The biggest programs have some million functions of some megabytes each.
constexpr std::uint64_t kMostEntries = 1 << 24;
constexpr std::uint64_t kLongestFunction = 1 << 24;

struct Header {
  std::uint8_t version;
  std::uint8_t pointer_encoding;
  std::uint8_t count_encoding;
  std::uint8_t entry_encoding;
  std::int32_t frames;
  std::uint32_t count;
};
static_assert(sizeof(Header) == 12);

struct Entry {
  std::int32_t function;
  std::int32_t description;
};

/// The beginning of a frame description entry with 32-bit relative pointers.
struct Description {
  std::uint32_t length;
  std::uint32_t cie;
  std::int32_t start;
  std::uint32_t size;
};

Address add(Address base, std::int32_t offset) {
  return base + static_cast<std::uint64_t>(std::int64_t{offset});
}

struct Section {
  std::uint64_t address = 0;  ///< as linked
  std::span<const std::byte> bytes;
};

std::optional<Section> find_section(Elf* elf, std::string_view name) {
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return {};
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section; section = elf_nextscn(elf, section)) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS) continue;
    const char* text = elf_strptr(elf, names, header.sh_name);
    if (!text || text != name) continue;
    const Elf_Data* data = elf_rawdata(section, nullptr);
    if (!data || !data->d_buf) return {};
    return Section{header.sh_addr, {static_cast<const std::byte*>(data->d_buf), data->d_size}};
  }
  return {};
}

}  // namespace

std::optional<FunctionRanges::Table> FunctionRanges::read_sorted_table(std::size_t module) {
  Dwfl_Module* handle = modules_.open(module);
  GElf_Addr bias = 0;
  Elf* elf = handle ? dwfl_module_getelf(handle, &bias) : nullptr;
  std::size_t count = 0;
  if (!elf || elf_getphdrnum(elf, &count) != 0) return {};
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (!gelf_getphdr(elf, static_cast<int>(i), &header) || header.p_type != PT_GNU_EH_FRAME)
      continue;
    const Address at{header.p_vaddr + bias};
    const auto table = memory_.read_object<Header>(at);
    if (!table || table->version != 1 || table->count_encoding != kCountEncoding ||
        table->entry_encoding != kEntryEncoding || table->count > kMostEntries) {
      return {};
    }
    return Table{at, at + sizeof(Header), table->count, {}};
  }
  return {};
}

const FunctionRanges::Table& FunctionRanges::table_of(std::size_t module) {
  const auto [entry, is_new] = tables_.try_emplace(module);
  if (!is_new) return entry->second;
  if (auto sorted = read_sorted_table(module)) {
    entry->second = std::move(*sorted);
  } else {
    entry->second.functions = read_descriptions(module);
  }
  return entry->second;
}

std::vector<FunctionRange> FunctionRanges::read_descriptions(std::size_t module) {
  Dwfl_Module* handle = modules_.open(module);
  GElf_Addr bias = 0;
  Elf* elf = handle ? dwfl_module_getelf(handle, &bias) : nullptr;
  const auto section = elf ? find_section(elf, ".eh_frame") : std::nullopt;
  std::vector<FunctionRange> functions;
  if (!section) return functions;
  std::span<const std::byte> rest = section->bytes;
  while (rest.size() >= sizeof(Description) && functions.size() < kMostEntries) {
    Description description;
    std::memcpy(&description, rest.data(), sizeof(description));
    const std::size_t size = description.length + sizeof(description.length);
    if (description.length < sizeof(description.cie) || size > rest.size()) break;
    const Address at{section->address + bias + (section->bytes.size() - rest.size())};
    const Address start = add(at + offsetof(Description, start), description.start);
    const bool is_function = description.cie != 0 && size >= sizeof(Description) &&
                             description.size > 0 && description.size <= kLongestFunction;
    if (is_function && modules_.is_code(start) && modules_.find(start) == module) {
      functions.push_back({start, start + description.size});
    }
    rest = rest.subspan(size);
  }
  std::ranges::sort(functions, {}, &FunctionRange::start);
  return functions;
}

std::optional<FunctionRange> FunctionRanges::read_entry(const Table& table, std::uint64_t index) {
  const auto entry = memory_.read_object<Entry>(table.entries + index * sizeof(Entry));
  if (!entry) return {};
  const Address start = add(table.header, entry->function);
  const Address at = add(table.header, entry->description);
  const auto description = memory_.read_object<Description>(at);
  constexpr std::uint64_t kStartOffset = offsetof(Description, start);
  if (!description || add(at + kStartOffset, description->start) != start ||
      description->size > kLongestFunction) {
    return {};
  }
  return FunctionRange{start, start + description->size};
}

std::optional<FunctionRange> FunctionRanges::find_in_entries(const Table& table, Address at) {
  std::uint64_t low = 0;
  std::uint64_t high = table.count;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const auto entry = memory_.read_object<Entry>(table.entries + middle * sizeof(Entry));
    if (!entry) return {};
    if (add(table.header, entry->function) <= at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return {};
  return read_entry(table, low - 1);
}

std::optional<FunctionRange> FunctionRanges::find(Address at) {
  const auto module = modules_.find(at);
  if (!module || !modules_.decodes_code()) return {};
  const Table& table = table_of(*module);
  std::optional<FunctionRange> range;
  if (table.count > 0) {
    range = find_in_entries(table, at);
  } else {
    const auto after = std::ranges::upper_bound(table.functions, at, {}, &FunctionRange::start);
    if (after != table.functions.begin()) range = *std::prev(after);
  }
  return range && at >= range->start && at < range->end ? range : std::nullopt;
}

}  // namespace pstuck
