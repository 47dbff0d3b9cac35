// How big an object is, without debug information.
//
// A class with a virtual destructor has two of them in its virtual table: one that ends the object,
// and one that gives its memory back as well. Since C++14 the latter says how much that is, and so
// the size of the class stands in its code:
//
//     mov  $0x48, %esi                   be 48 00 00 00
//     …                                  up to a few instructions: the object goes to %rdi
//     call operator delete(void*, unsigned long)      e8 rel32, or a jump: e9 rel32
//
// Programs without even dynamic symbols, and those whose loader has not resolved the operator yet,
// do not tell what is called: then every number that is passed in this way could be a size, which
// is enough to look for one that is expected. Nothing is said for destructors that are not virtual,
// and for code of compilers that call the other operator delete (clang before version 19).

#include "symbolize/class_sizes.h"

#include <algorithm>

#include "symbolize/call_site.h"
#include "symbolize/demangle.h"
#include "symbolize/symbol_names.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostSizes = 64;  // of one virtual table
constexpr std::size_t kMostFunctions = 64;
constexpr std::uint64_t kBiggestFunction = 16 * 1024;
constexpr std::uint64_t kSmallFunction = 256;
constexpr std::size_t kMostBytesBetween = 24;

constexpr std::byte kMoveToSecondArgument{0xbe};
constexpr std::byte kCall{0xe8};
constexpr std::byte kJump{0xe9};
constexpr std::byte kReturn{0xc3};

constexpr std::string_view kSizedDelete = "_ZdlPvm";

std::uint32_t number_at(std::span<const std::byte> code, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, code.data() + at, sizeof(number));
  return number;
}

}  // namespace

/// Where the module has it; nowhere at address 0.
Address ClassSizes::find_sized_delete(std::size_t module) {
  Address found;
  Dwfl_Module* handle = modules_.open(module);
  if (!handle) return found;
  visit_functions(handle, [&](std::string_view name, Address start) {
    if (found.value == 0 && without_version(name) == kSizedDelete) found = start;
  });
  return found;
}

bool ClassSizes::is_sized_delete(Address called) {
  const auto target = follow_stub(memory_, called);
  const auto module = target ? modules_.find(*target) : std::nullopt;
  if (!module) return false;
  const auto [entry, is_new] = sized_deletes_.try_emplace(*module);
  if (is_new) entry->second = find_sized_delete(*module);
  return entry->second == *target;
}

/// Without a table of functions, as in programs that are linked statically, only up to the first
/// byte that could be a return.
std::vector<std::byte> ClassSizes::read_code(Address function) {
  const auto range = ranges_.find(function);
  const bool is_known = range && range->start == function;
  const std::uint64_t size = is_known ? range->end - range->start : kSmallFunction;
  if (size > kBiggestFunction) return {};
  std::vector<std::byte> code(size);
  code.resize(memory_.read(function, code));
  if (!is_known) code.erase(std::ranges::find(code, kReturn), code.end());
  return code;
}

void ClassSizes::read_function(Address function, Sizes& sizes) {
  const std::vector<std::byte> code = read_code(function);
  for (std::size_t i = 0; i + 10 <= code.size(); ++i) {
    if (code[i] != kMoveToSecondArgument) continue;
    const std::size_t end = std::min(i + 5 + kMostBytesBetween, code.size() - 4);
    for (std::size_t call = i + 5; call < end; ++call) {
      if (code[call] != kCall && code[call] != kJump) continue;
      const auto offset = static_cast<std::int32_t>(number_at(code, call + 1));
      const Address target = function + (call + 5) + static_cast<std::uint64_t>(offset);
      if (!modules_.is_code(target) || sizes.passed.size() == kMostSizes) continue;
      sizes.passed.push_back(number_at(code, i + 1));
      if (is_sized_delete(target)) sizes.deleted.push_back(sizes.passed.back());
    }
  }
}

const std::vector<std::uint64_t>& ClassSizes::find(Address table) {
  const auto [entry, is_new] = known_.try_emplace(table.value);
  if (!is_new || !modules_.decodes_code()) return entry->second;
  Sizes sizes;
  for (std::size_t i = 0; i < kMostFunctions; ++i) {
    const auto function = memory_.read_object<Address>(table + i * 8);
    if (!function || function->value == 0 || !modules_.is_code(*function)) break;
    read_function(*function, sizes);
  }
  return entry->second = sizes.deleted.empty() ? sizes.passed : sizes.deleted;
}

}  // namespace pstuck
