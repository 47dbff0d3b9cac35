// Locks that are variables: global and static ones in the modules' data, thread-local ones below
// each thread's pthread_t, local ones on the stacks. The loader's own lock is one of them.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/held/source.h"
#include "analyzers/held/writable_memory.h"
#include "analyzers/thread_status.h"
#include "attach/mappings.h"

namespace pstuck {
namespace {

// Programs with more data than that are rare, and what they have so much of is no locks.
constexpr std::uint64_t kMostModuleData = std::uint64_t{64} << 20;
constexpr std::uint64_t kThreadLocals = 4096;

class VariableSearch {
 public:
  VariableSearch(const HeldSearch& search, HeldFinds& finds) : search_(search), finds_(finds) {}

  void look_at_modules() {
    std::uint64_t budget = kMostModuleData;
    for (const AddressRange& data : find_module_data(search_.snapshot)) {
      const PresentMemory present = memory().find_present(data);
      swapped_ += present.swapped;
      for (const AddressRange& part : present.ranges) {
        const std::uint64_t size = std::min(part.size(), budget);
        left_out_ += part.size() - size;
        budget -= size;
        search_.test.find_in({part.start, part.start + size}, memory(), finds_.locks);
      }
    }
  }

  void look_at(ThreadIndex index) {
    const ThreadSnapshot& thread = search_.snapshot.threads[index];
    if (has_ended(thread)) return;
    if (const auto stack = find_live_stack(search_.snapshot, search_.stacks, index)) {
      const auto bytes = stack_bytes(thread, *stack, memory(), buffer_);
      const std::size_t found_before = finds_.locks.size();
      search_.test.find_in(bytes, stack->start, memory(), finds_.locks);
      // One that begins below the stack pointer is only the rest of one.
      if (finds_.locks.size() > found_before && finds_.locks[found_before].address < stack->start) {
        finds_.locks.erase(finds_.locks.begin() + static_cast<std::ptrdiff_t>(found_before));
      }
    }
    const auto& pointer = thread.registers.thread_pointer;
    const Mapping* mapping = pointer ? find_mapping(search_.snapshot, *pointer) : nullptr;
    if (mapping == nullptr || !mapping->readable) return;
    const std::uint64_t size = std::min(*pointer - mapping->start, kThreadLocals);
    search_.test.find_in({*pointer - size, *pointer}, memory(), finds_.locks);
  }

  void say_what_is_missing() {
    if (left_out_ > 0) say(BlindSpotKind::kMemoryNotSearched, left_out_);
    if (swapped_ > 0) say(BlindSpotKind::kMemorySwappedOut, swapped_);
  }

 private:
  void say(BlindSpotKind kind, std::uint64_t count) {
    finds_.blind_spots.push_back({kind, fmt::format("{}", count)});
  }

  [[nodiscard]] Memory& memory() const { return search_.sources.memory; }

  const HeldSearch& search_;
  HeldFinds& finds_;
  std::vector<std::byte> buffer_;
  std::uint64_t left_out_ = 0;
  std::uint64_t swapped_ = 0;
};

}  // namespace

void find_locks_in_variables(const HeldSearch& search, HeldFinds& finds) {
  const std::size_t found_before = finds.locks.size();
  VariableSearch variables(search, finds);
  variables.look_at_modules();
  for (ThreadIndex i = 0; i < search.snapshot.threads.size(); ++i) variables.look_at(i);
  for (std::size_t i = found_before; i < finds.locks.size(); ++i) {
    finds.locks[i].found_by = FoundBy::kVariable;
  }
  variables.say_what_is_missing();
}

}  // namespace pstuck
