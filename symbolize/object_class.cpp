// From an address inside an object on the heap to the object's class, without any symbols.
//
//     malloc's header      the object                  the module
//     ┌──────────┬──────┐  ┌──────┬─────────┬─────┐
//     │ (before) │ 0x91 │  │ vptr │ orders_ │ mu_ │     … │ 0 │ type ──▶ "9OrderBook"
//     └──────────┴──────┘  └──│───┴─────────┴──▲──┘           │
//                             │    the address ┘              │
//                             └──────────────────────────────▶ first virtual function
//
// Every object of a class with virtual functions begins with the pointer to its virtual table,
// which names the class (Itanium C++ ABI, 2.5.2 and 2.9). What is hard is to know where the object
// begins. A pointer to a virtual table close before the address proves little: it may be a member's
// own, or that of another object. So the block that malloc gave out is found first, and only its
// very beginning counts. glibc (2.36: malloc/malloc.c, struct malloc_chunk) keeps a block's size
// before it, and in the next one's size a bit that says that this one is in use: a few such sizes,
// each leading to the next, are hardly there by chance.
//
// A block can also be an array, as a vector's is: when the same table's pointer stands in it again,
// at equal distances, the elements are told apart by that.
//
// A struct without a table whose first member has one looks like that member. So the block must be
// of the size that the class's code tells (class_sizes.h), or its debug information must know the
// lock.
//
// A block of std::make_shared begins with the pointers' counts, whose class is a template that has
// the object's class for its argument.
//
// It fails on purpose, and says nothing, for other allocators, for blocks whose beginning is
// further away than kFurthest, and for the standard library's classes: a struct that begins with a
// stream begins with the stream's table.

#include "symbolize/object_class.h"

#include <algorithm>

#include "attach/elf_image.h"
#include "attach/mappings.h"
#include "symbolize/demangle.h"

namespace pstuck {
namespace {

// Objects of 25 KiB with locks at their ends are met in databases.
constexpr std::uint64_t kFurthest = 32 * 1024;
constexpr std::uint64_t kSmallestLock = 4;
constexpr std::size_t kLongestTypeName = 4096;

// struct malloc_chunk: size of the one before, own size with flags, then what the program gets,
// which goes on into the next chunk's first field.
constexpr std::uint64_t kChunkHeader = 16;
constexpr std::uint64_t kSmallestChunk = 32;
constexpr std::uint64_t kChunkAlignment = 16;
constexpr std::uint64_t kPreviousInUse = 1;
constexpr std::uint64_t kOwnMapping = 2;
constexpr std::uint64_t kSizeFlags = 7;
constexpr int kChunksToFollow = 3;

constexpr std::uint64_t to_size(std::uint64_t word) { return word & ~kSizeFlags; }

bool is_aligned(Address at, std::uint64_t alignment) { return at.value % alignment == 0; }

bool is_printable(char c) { return c > ' ' && c < 0x7f; }

bool is_heap(const Mapping& mapping) {
  return mapping.readable && mapping.writable && !mapping.executable && !mapping.shared &&
         (mapping.path.empty() || mapping.path == "[heap]" || mapping.path.starts_with("[anon"));
}

/// Up to the comma outside of all brackets; all of it without one.
std::string_view first_argument(std::string_view arguments) {
  int depth = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const char c = arguments[i];
    if (c == '<' || c == '(' || c == '{') ++depth;
    if (c == '>' || c == ')' || c == '}') --depth;
    if (c == ',' && depth == 0) return arguments.substr(0, i);
  }
  return arguments;
}

/// "Cache" of "std::_Sp_counted_ptr_inplace<Cache, std::allocator<void>, …>", whose object begins
/// at `offset`. None for any other class, and where an allocator with data of its own comes first.
struct SharedObject {
  std::string_view class_name;
  std::uint64_t offset = 0;
};

std::optional<SharedObject> inside_shared(std::string_view name) {
  constexpr std::pair<std::string_view, std::uint64_t> kTemplates[] = {
      {"std::_Sp_counted_ptr_inplace<", 16}, {"std::__1::__shared_ptr_emplace<", 24}};
  for (const auto& [beginning, offset] : kTemplates) {
    if (!name.starts_with(beginning)) continue;
    name.remove_prefix(beginning.size());
    const std::string_view argument = first_argument(name);
    const std::string_view allocator = name.substr(std::min(name.size(), argument.size() + 2));
    const bool has_no_data =
        allocator.starts_with("std::allocator<") || allocator.starts_with("std::__1::allocator<");
    return has_no_data ? std::optional(SharedObject{argument, offset}) : std::nullopt;
  }
  return {};
}

bool is_of_the_standard_library(std::string_view name) {
  return name.starts_with("std::") || name.starts_with("__cxxabiv1::") ||
         name.starts_with("__gnu_cxx::");
}

}  // namespace

ObjectClasses::ObjectClasses(const Snapshot& snapshot, LoadedModules& modules, Memory& memory,
                             FunctionRanges& ranges)
    : snapshot_(snapshot), modules_(modules), memory_(memory), sizes_(modules, memory, ranges) {
  for (const Mapping& mapping : snapshot.mappings) {
    const bool of_file = mapping.path.starts_with('/');
    if (of_file && mapping.readable && !mapping.executable) data_.push_back(&mapping);
  }
}

bool ObjectClasses::is_data(Address at) const {
  const auto after = std::ranges::upper_bound(
      data_, at, {}, [](const Mapping* mapping) { return mapping->start; });
  return after != data_.begin() && at < (*std::prev(after))->end && modules_.find(at);
}

/// A thread's stack ends with its descriptor, in the same mapping.
bool ObjectClasses::is_on_stack(Address at, const Mapping& mapping) const {
  return std::ranges::any_of(snapshot_.threads, [&](const ThreadSnapshot& thread) {
    const auto sp = thread.registers.stack_pointer();
    if (!sp || *sp < mapping.start || *sp >= mapping.end) return false;
    const auto descriptor = thread.registers.thread_pointer;
    if (!descriptor || *descriptor < *sp || *descriptor >= mapping.end) return true;
    return at <= *descriptor;
  });
}

/// False where there is no more to read: the page cannot be read, or is too far from the address.
bool ObjectClasses::read_page_before(Words& words, const Mapping& heap) {
  const Address from = std::max(Address{page_floor((words.start - 1).value)}, heap.start);
  if (words.start <= heap.start || words.words.size() * 8 > kFurthest) return false;
  std::vector<std::uint64_t> before((words.start - from) / 8);
  const auto bytes = std::as_writable_bytes(std::span(before));
  if (memory_.read(from, bytes) != bytes.size()) return false;
  words.words.insert(words.words.begin(), before.begin(), before.end());
  words.start = from;
  return true;
}

/// The chunk before this one is in use, as this one's size says, and more chunks follow.
bool ObjectClasses::is_in_use_before(Address chunk, const Mapping& heap) {
  for (int followed = 0; followed < kChunksToFollow; ++followed) {
    if (chunk == heap.end) return followed > 0;
    if (heap.end - chunk < kChunkHeader) return false;
    const auto word = memory_.read_object<std::uint64_t>(chunk + 8);
    if (!word || (*word & kOwnMapping) != 0) return false;
    if (followed == 0 && (*word & kPreviousInUse) == 0) return false;
    const std::uint64_t size = to_size(*word);
    if (size < kChunkHeader || size % kChunkAlignment != 0 || size > heap.end - chunk) return false;
    if (size == kChunkHeader) return true;  // glibc closes an arena's end with such ones
    chunk = chunk + size;
  }
  return true;
}

std::optional<ObjectClasses::Block> ObjectClasses::check_block(Address start,
                                                               std::uint64_t size_word,
                                                               const Mapping& heap) {
  const Address chunk = start - kChunkHeader;
  const std::uint64_t size = to_size(size_word);
  if (size < kSmallestChunk || size % kChunkAlignment != 0 || size > heap.end - chunk) return {};
  if ((size_word & kOwnMapping) != 0) {
    const bool is_whole_mapping =
        size_word == (size | kOwnMapping) && is_aligned(chunk, kPageSize) && size % kPageSize == 0;
    return is_whole_mapping ? std::optional(Block{start, chunk + size}) : std::nullopt;
  }
  if (!is_in_use_before(chunk + size, heap)) return {};
  return Block{start, chunk + size + 8};
}

/// The nearest beginning of a block that covers the address.
std::optional<ObjectClasses::Block> ObjectClasses::find_block(Address at, Words& words,
                                                              const Mapping& heap) {
  Address start{at.value / kChunkAlignment * kChunkAlignment};
  for (; start >= heap.start + kChunkHeader; start = start - kChunkAlignment) {
    while (start - kChunkHeader < words.start) {
      if (!read_page_before(words, heap)) return {};
    }
    const std::uint64_t size_word = words.at(start - 8);
    if (to_size(size_word) < at - start) continue;
    const auto block = check_block(start, size_word, heap);
    if (block && at + kSmallestLock <= block->end) return block;
  }
  return {};
}

/// The objects before the address whose table is that of the first; none unless they stand at equal
/// distances.
std::vector<Address> ObjectClasses::find_elements(const Words& words, Address first, Address at) {
  std::vector<Address> elements;
  for (Address word = first; word <= at; word = word + 8) {
    if (words.at(word) == words.at(first)) elements.push_back(word);
  }
  for (std::size_t i = 2; i < elements.size(); ++i) {
    if (elements[i] - elements[i - 1] != elements[1] - elements[0]) return {};
  }
  return elements;
}

/// Whether one object, or several at this distance, are all that is in the block.
bool ObjectClasses::fills(const Block& block, Address table,
                          std::optional<std::uint64_t> distance) {
  const std::uint64_t usable = block.end - block.start;
  return std::ranges::any_of(sizes_.find(table), [&](std::uint64_t size) {
    if (distance) return size == *distance;
    if (memory_.read_object<Address>(block.start + size) == table) return true;  // the next element
    // What is left of a free block is not cut off when it is too small for one of its own.
    return size <= usable && usable - size < kSmallestChunk + kChunkAlignment;
  });
}

bool ObjectClasses::describes_a_class(Address type_info) {
  const auto table = memory_.read_object<Address>(type_info);
  if (!table || !is_aligned(*table, 8)) return false;
  const auto own_type = memory_.read_object<Address>(*table - 8);
  if (!own_type || !is_data(*own_type)) return false;
  const auto name = read_type_name(*own_type);
  return name && name->starts_with("N10__cxxabiv1") && name->ends_with("class_type_infoE");
}

std::optional<std::string> ObjectClasses::read_type_name(Address type_info) {
  const auto at = memory_.read_object<Address>(type_info + 8);
  if (!at || !find_mapping(snapshot_, *at)) return {};
  std::string name(kLongestTypeName, '\0');
  name.resize(memory_.read(*at, std::as_writable_bytes(std::span(name))));
  const std::size_t end = name.find('\0');
  if (end == std::string::npos || end == 0) return {};
  name.resize(end);
  if (name.front() == '*') name.erase(0, 1);  // of a class that only one file knows
  if (name.empty() || !std::ranges::all_of(name, is_printable)) return {};
  return name;
}

std::optional<ObjectClasses::VirtualTable> ObjectClasses::read_table(Address at) {
  const auto offset_to_top = memory_.read_object<std::uint64_t>(at - 16);
  const auto type_info = memory_.read_object<Address>(at - 8);
  const auto function = memory_.read_object<Address>(at);
  if (offset_to_top != 0 || !type_info || !is_aligned(*type_info, 8) || !is_data(*type_info))
    return {};
  if (!function || (function->value != 0 && !modules_.is_code(*function))) return {};
  const auto name = read_type_name(*type_info);
  if (!name || !describes_a_class(*type_info)) return {};
  constexpr std::string_view kDemangledBeginning = "typeinfo name for ";
  std::string text = demangle("_ZTS" + *name);
  if (!text.starts_with(kDemangledBeginning)) return {};
  const auto module = modules_.find(at);
  if (!module) return {};
  return VirtualTable{text.substr(kDemangledBeginning.size()), *module};
}

const std::optional<ObjectClasses::VirtualTable>& ObjectClasses::table(Address at) {
  const auto [entry, is_new] = tables_.try_emplace(at.value);
  if (is_new && is_aligned(at, 8) && is_data(at)) entry->second = read_table(at);
  return entry->second;
}

std::optional<std::string> ObjectClasses::find_by_table(Address object) {
  const auto pointer = memory_.read_object<Address>(object);
  if (!pointer || !table(*pointer)) return {};
  return table(*pointer)->class_name;
}

std::optional<HeapObject> ObjectClasses::find(Address at) {
  const Mapping* const heap = find_mapping(snapshot_, at);
  if (!heap || !is_heap(*heap) || is_on_stack(at, *heap) || modules_.find_image(at)) return {};
  Words words{Address{(at.value & ~std::uint64_t{7}) + 8}, {}};
  const auto block = find_block(at, words, *heap);
  if (!block || modules_.find_image(block->start)) return {};
  const Address pointer{words.at(block->start)};
  const auto& found = table(pointer);
  if (!found) return {};
  if (const auto shared = inside_shared(found->class_name)) {
    const Address start = block->start + shared->offset;
    if (at < start || is_of_the_standard_library(shared->class_name)) return {};
    return HeapObject{std::string(shared->class_name), start, found->module, true};
  }
  if (is_of_the_standard_library(found->class_name)) return {};
  const std::vector<Address> elements = find_elements(words, block->start, at);
  if (elements.empty()) return {};
  std::optional<std::uint64_t> distance;
  if (elements.size() > 1) distance = elements[1] - elements[0];
  return HeapObject{found->class_name, elements.back(), found->module,
                    fills(*block, pointer, distance)};
}

}  // namespace pstuck
