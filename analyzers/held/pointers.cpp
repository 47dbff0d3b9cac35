// Locks that a thread's registers or its stack point to, as with a mutex on the heap whose address
// its owner still needs for the unlock. Which thread points to it does not matter: whose it is says
// the lock itself. Many threads point to the same few objects, so all pointers are gathered first,
// and each page that any of them leads into is read once.
//
// It does not find a lock inside an object when only the object is pointed to.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/collect_waits.h"
#include "analyzers/held/source.h"
#include "analyzers/held/writable_memory.h"
#include "analyzers/thread_status.h"
#include "attach/elf_image.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostPointers = 1'000'000;

class PointerSearch {
 public:
  explicit PointerSearch(const HeldSearch& search)
      : search_(search), objects_(search.objects.begin(), search.objects.end()) {
    std::ranges::move(find_module_data(search.snapshot), std::back_inserter(objects_));
    std::ranges::sort(objects_, {}, &AddressRange::start);
  }

  void gather(ThreadIndex index) {
    const ThreadSnapshot& thread = search_.snapshot.threads[index];
    if (objects_.empty() || has_ended(thread)) return;
    for (std::size_t i = 0; i < Registers::kCount; ++i) {
      if (const auto value = thread.registers.get(i)) add(*value);
    }
    for (const Frame& frame : stack_of(search_.stacks, index).frames) {
      for (const auto& value : frame.callee_saved) {
        if (value) add(*value);
      }
    }
    const auto stack = find_live_stack(search_.snapshot, search_.stacks, index);
    if (!stack) return;
    const auto bytes = stack_bytes(thread, *stack, search_.sources.memory, buffer_);
    for (std::size_t i = -stack->start.value % 8; i + 8 <= bytes.size(); i += 8) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + i, sizeof word);
      add(word);
    }
  }

  void look_at_all(HeldFinds& finds) {
    std::ranges::sort(pointers_);
    pointers_.erase(std::unique(pointers_.begin(), pointers_.end()), pointers_.end());
    std::uint64_t swapped = 0;
    for (auto first = pointers_.begin(); first != pointers_.end();) {
      // Pages that follow each other are asked for together: is any of them in memory at all?
      auto last = first;
      Address end{page_floor(first->value)};
      while (last != pointers_.end() && page_floor(last->value) <= end.value) {
        end = Address{page_floor(last->value)} + kPageSize;
        last = std::lower_bound(last, pointers_.end(), end);
      }
      const PresentMemory present =
          search_.sources.memory.find_present({Address{page_floor(first->value)}, end});
      swapped += present.swapped;
      for (const AddressRange& range : present.ranges) look_at_range(range, {first, last}, finds);
      first = last;
    }
    if (swapped > 0) {
      finds.blind_spots.push_back({BlindSpotKind::kMemorySwappedOut, fmt::format("{}", swapped)});
    }
  }

 private:
  void add(std::uint64_t value) {
    const Address at{value};
    if (value % kMutexAlignment != 0 || at < objects_.front().start || at >= objects_.back().end) {
      return;
    }
    if (pointers_.size() >= kMostPointers) return;
    const auto after = std::ranges::upper_bound(objects_, at, {}, &AddressRange::start);
    if (after != objects_.begin() && at < std::prev(after)->end) pointers_.push_back(at);
  }

  // A page at a time, of the pointers that lead into a range that is in memory.
  void look_at_range(AddressRange range, std::span<const Address> pointers, HeldFinds& finds) {
    auto first = std::lower_bound(pointers.begin(), pointers.end(), range.start);
    while (first != pointers.end() && *first < range.end) {
      const Address page_end{page_floor(first->value) + kPageSize};
      const auto last = std::lower_bound(first, pointers.end(), std::min(page_end, range.end));
      look_at_page({first, last}, range.end, finds.locks);
      first = last;
    }
  }

  void look_at_page(std::span<const Address> pointers, Address end, std::vector<SeenLock>& into) {
    const Address start = pointers.front();
    buffer_.resize(std::min(end - start, pointers.back() - start + sizeof(RwlockBytes)));
    const std::span<const std::byte> bytes(buffer_.data(),
                                           search_.sources.memory.search(start, buffer_));
    for (const Address at : pointers) {
      const auto object = bytes.subspan(std::min<std::uint64_t>(at - start, bytes.size()));
      test<MutexBytes>(at, object, into);
      test<RwlockBytes>(at, object, into);
    }
  }

  template <typename T>
  void test(Address at, std::span<const std::byte> bytes, std::vector<SeenLock>& into) const {
    if (bytes.size() < sizeof(T)) return;
    T object;
    std::memcpy(&object, bytes.data(), sizeof(T));
    auto lock = search_.test.test(at, object);
    if (!lock) return;
    lock->found_by = FoundBy::kPointer;
    into.push_back(std::move(*lock));
  }

  const HeldSearch& search_;
  std::vector<AddressRange> objects_;
  std::vector<Address> pointers_;
  std::vector<std::byte> buffer_;
};

}  // namespace

void find_locks_by_pointers(const HeldSearch& search, HeldFinds& finds) {
  PointerSearch pointers(search);
  for (ThreadIndex i = 0; i < search.snapshot.threads.size(); ++i) pointers.gather(i);
  pointers.look_at_all(finds);
}

}  // namespace pstuck
