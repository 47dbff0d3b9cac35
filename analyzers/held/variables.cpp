// Locks that are variables: global and static ones in the modules' data, thread-local ones below
// each thread's pthread_t, local ones on the stacks. The loader's own lock is one of them.

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/held/source.h"
#include "analyzers/held/writable_memory.h"
#include "analyzers/thread_status.h"
#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

// Programs with more data than that are rare, and what they have so much of is no locks.
constexpr std::uint64_t kMostModuleData = std::uint64_t{64} << 20;
constexpr std::uint64_t kThreadLocals = 4096;
constexpr std::string_view kLoaderVariable = "_rtld_global";  // in it are the loader's locks

class VariableSearch {
 public:
  VariableSearch(const HeldSearch& search, HeldFinds& finds) : search_(search), finds_(finds) {}

  void look_at_modules() {
    const std::size_t found_before = finds_.locks.size();
    std::uint64_t budget = kMostModuleData;
    for (const AddressRange& data : find_module_data(search_.snapshot)) {
      for (AddressRange part : memory().find_present(data).ranges) {
        const std::uint64_t size = std::min(part.size(), budget);
        left_out_ += part.size() - size;
        budget -= size;
        search_.test.find_in({part.start, part.start + size}, memory(), finds_.locks);
      }
    }
    for (std::size_t i = found_before; i < finds_.locks.size(); ++i) {
      finds_.locks[i].doubted = !is_surely_one(finds_.locks[i]);
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

  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  // Where the owner's id could be any number, the variable must be a lock, or be known to have one.
  [[nodiscard]] bool is_surely_one(const SeenLock& lock) const {
    if (lock.owner > kLastCommonNumber) return true;
    const auto symbol = search_.sources.program.find_data_symbol(lock.address);
    if (!symbol) return false;
    if (symbol->offset == 0 && symbol->size == lock_size(lock.kind)) return true;
    return symbol->name == kLoaderVariable || symbol->type.find("mutex") != std::string::npos ||
           symbol->type.find("lock") != std::string::npos;
  }

  [[nodiscard]] Memory& memory() const { return search_.sources.memory; }

  const HeldSearch& search_;
  HeldFinds& finds_;
  std::vector<std::byte> buffer_;
  std::uint64_t left_out_ = 0;
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
  if (variables.left_out() > 0) {
    finds.blind_spots.push_back(
        {BlindSpotKind::kMemoryNotSearched, fmt::format("{}", variables.left_out())});
  }
}

}  // namespace pstuck
