#include "analyzers/held/writable_memory.h"

#include <algorithm>

#include "analyzers/collect_waits.h"
#include "attach/mappings.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kMostLiveStack = 64 * 1024;
// Of the outermost frame only the stack pointer is known. It is that of the thread's first
// function, in libc.
constexpr std::uint64_t kOutermostFrame = 512;
// Where nobody tells how far a stack goes down, what calls that have returned left there is
// searched only beyond that: a thread may have its stack inside a big mapping with other things.
constexpr std::uint64_t kMostDeadStack = 64 * 1024;

// struct pthread of nptl/descr.h, on x86-64 the same from glibc 2.23 to 2.42.
constexpr std::uint64_t kStackBlockOffset = 1680;
constexpr std::uint64_t kLargestStack = std::uint64_t{1} << 32;

struct StackBlock {
  Address start;
  std::uint64_t size;
};

// The lowest address that is this thread's stack.
Address find_stack_bottom(const Snapshot& snapshot, const ThreadSnapshot& thread, Address sp,
                          Memory& memory) {
  const Mapping* mapping = find_mapping(snapshot, sp);
  if (mapping == nullptr) return sp;
  if (mapping->path == "[stack]") return mapping->start;
  const auto& pthread = thread.registers.thread_pointer;
  const auto block =
      pthread ? memory.read_object<StackBlock>(*pthread + kStackBlockOffset) : std::nullopt;
  const bool is_its_stack = block && block->size <= kLargestStack && block->start < sp &&
                            sp - block->start < block->size && block->start >= mapping->start;
  if (is_its_stack) return block->start;
  return sp - std::min(sp - mapping->start, kMostDeadStack);
}

// Reading these can block, or do something.
bool is_device(const Mapping& mapping) {
  const bool in_dev = mapping.path.starts_with("/dev/") && !mapping.path.starts_with("/dev/shm/") &&
                      !mapping.path.starts_with("/dev/zero");
  constexpr std::string_view kOthers[] = {"anon_inode:", "[vvar", "/sys/", "/proc/", "/dmabuf:"};
  return in_dev || std::ranges::any_of(kOthers, [&](std::string_view beginning) {
           return mapping.path.starts_with(beginning);
         });
}

bool is_searched(const Mapping& mapping) {
  return mapping.readable && mapping.writable && !is_device(mapping) && mapping.start < mapping.end;
}

std::vector<AddressRange> merge(std::vector<AddressRange> ranges) {
  std::ranges::sort(ranges, {}, &AddressRange::start);
  std::vector<AddressRange> merged;
  for (const AddressRange& range : ranges) {
    if (range.size() == 0) continue;
    if (!merged.empty() && range.start <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, range.end);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

// Both ascending and merged.
std::vector<AddressRange> subtract(std::span<const AddressRange> ranges,
                                   std::span<const AddressRange> excluded) {
  std::vector<AddressRange> left;
  auto next = excluded.begin();
  for (AddressRange range : ranges) {
    while (next != excluded.end() && next->end <= range.start) ++next;
    for (auto hole = next; hole != excluded.end() && hole->start < range.end; ++hole) {
      if (hole->start > range.start) left.push_back({range.start, hole->start});
      range.start = std::max(range.start, hole->end);
    }
    if (range.size() > 0) left.push_back(range);
  }
  return left;
}

// Where the bytes end that can be stack.
std::optional<Address> find_stack_limit(const Snapshot& snapshot, const ThreadSnapshot& thread,
                                        Address sp) {
  const CapturedStack& captured = thread.stack;
  if (!captured.bytes.empty()) {
    const bool covers = sp >= captured.start && sp - captured.start < captured.bytes.size();
    return covers ? std::optional(captured.start + captured.bytes.size()) : std::nullopt;
  }
  const Mapping* mapping = find_mapping(snapshot, sp);
  return mapping != nullptr ? std::optional(mapping->end) : std::nullopt;
}

}  // namespace

std::vector<AddressRange> find_module_data(const Snapshot& snapshot) {
  std::vector<AddressRange> ranges;
  auto mapping = snapshot.mappings.begin();
  for (const Module& module : snapshot.modules) {
    while (mapping != snapshot.mappings.end() && mapping->end <= module.start) ++mapping;
    for (auto next = mapping; next != snapshot.mappings.end() && next->start < module.end; ++next) {
      if (!is_searched(*next)) continue;
      ranges.push_back({std::max(next->start, module.start), std::min(next->end, module.end)});
    }
  }
  return merge(std::move(ranges));
}

std::optional<AddressRange> find_live_stack(const Snapshot& snapshot, const Stacks& stacks,
                                            std::size_t thread) {
  const ThreadSnapshot& captured = snapshot.threads[thread];
  const auto sp = captured.registers.stack_pointer();
  const auto limit = sp ? find_stack_limit(snapshot, captured, *sp) : std::nullopt;
  if (!limit) return std::nullopt;
  std::uint64_t size = std::min(*limit - *sp, kMostLiveStack);
  const Stack& stack = stack_of(stacks, thread);
  if (stack.end == StackEnd::kRoot && !stack.frames.empty() && stack.frames.back().sp) {
    const std::uint64_t depth = *stack.frames.back().sp - *sp;
    if (depth < size) size = std::min(size, depth + kOutermostFrame);
  }
  return AddressRange{*sp, *sp + size};
}

std::span<const std::byte> stack_bytes(const ThreadSnapshot& thread, AddressRange range,
                                       Memory& memory, std::vector<std::byte>& buffer) {
  const CapturedStack& captured = thread.stack;
  if (range.start >= captured.start && range.start - captured.start < captured.bytes.size()) {
    const std::size_t skip = range.start - captured.start;
    const std::size_t size = std::min<std::uint64_t>(range.size(), captured.bytes.size() - skip);
    return std::span(captured.bytes).subspan(skip, size);
  }
  buffer.resize(std::min(range.size(), kMostLiveStack));
  return std::span<const std::byte>(buffer.data(), memory.search(range.start, buffer));
}

std::vector<AddressRange> find_object_memory(const Snapshot& snapshot, const Stacks& stacks,
                                             Memory& memory) {
  std::vector<AddressRange> writable;
  for (const Mapping& mapping : snapshot.mappings) {
    if (is_searched(mapping)) writable.push_back({mapping.start, mapping.end});
  }
  std::vector<AddressRange> excluded = find_module_data(snapshot);
  for (std::size_t i = 0; i < snapshot.threads.size(); ++i) {
    const auto live = find_live_stack(snapshot, stacks, i);
    if (!live) continue;
    const Address bottom = find_stack_bottom(snapshot, snapshot.threads[i], live->start, memory);
    excluded.push_back({bottom, live->end});
  }
  return subtract(merge(std::move(writable)), merge(std::move(excluded)));
}

}  // namespace pstuck
