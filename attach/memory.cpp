#include "attach/memory.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace pstuck {
namespace {

bool covers(const CapturedStack& stack, Address at) {
  return at >= stack.start && at - stack.start < stack.bytes.size();
}

}  // namespace

std::string Memory::read_text(Address from) {
  std::array<char, 4096> text;
  const std::size_t size = read(from, std::as_writable_bytes(std::span(text)));
  const std::string_view read(text.data(), size);
  const std::size_t end = read.find('\0');
  return end == std::string_view::npos ? std::string() : std::string(read.substr(0, end));
}

SnapshotMemory::SnapshotMemory(const Snapshot& snapshot, Memory& below) : below_(below) {
  show_stacks_of(snapshot.threads);
}

void SnapshotMemory::show_stacks_of(std::span<const ThreadSnapshot> threads) {
  stacks_.clear();
  last_ = nullptr;
  for (const ThreadSnapshot& thread : threads) {
    if (!thread.stack.bytes.empty()) stacks_.push_back(&thread.stack);
  }
  std::ranges::stable_sort(stacks_, {}, &CapturedStack::start);
}

std::size_t SnapshotMemory::read_through(Address from, std::span<std::byte> into,
                                         Way below) noexcept {
  std::size_t done = 0;
  while (done < into.size()) {
    const Address at = from + done;
    if (at < from) break;
    const std::span<std::byte> rest = into.subspan(done);
    const CapturedStack* stack = find_stack(at);
    if (stack && covers(*stack, at)) {
      const std::size_t skip = at - stack->start;
      const std::size_t count = std::min(rest.size(), stack->bytes.size() - skip);
      std::memcpy(rest.data(), stack->bytes.data() + skip, count);
      last_ = stack;
      done += count;
      continue;
    }
    // The captured bytes come first wherever there are any: the memory below has moved on.
    const auto next = std::ranges::upper_bound(stacks_, at, {}, &CapturedStack::start);
    const std::size_t want = next == stacks_.end()
                                 ? rest.size()
                                 : std::min<std::uint64_t>(rest.size(), (*next)->start - at);
    const std::size_t count = (below_.*below)(at, rest.first(want));
    done += count;
    if (count < want) break;
  }
  return done;
}

const CapturedStack* SnapshotMemory::find_stack(Address at) const noexcept {
  if (last_ && covers(*last_, at)) return last_;
  const auto after = std::ranges::upper_bound(stacks_, at, {}, &CapturedStack::start);
  return after == stacks_.begin() ? nullptr : *std::prev(after);
}

}  // namespace pstuck
