// The robust mutexes that a thread has. For the case that it dies, each thread keeps a list of them
// for the kernel: nptl/descr.h and nptl/pthreadP.h of glibc, on x86-64 the same from 2.17 to 2.42.
//
//     pthread_t + 736    head ──▶ entry ──▶ entry ──▶ … ──▶ head      offset -32      pending
//                                   │
//                       mutex + 32: │ __list.__next; bit 0 of the pointer: priority inheritance
//
// So entry + offset is the mutex. An offset of another value is another libc's list. The list is
// the target's memory: it may be changing, or lead anywhere, so only so many steps are taken, and
// what an entry leads to must be a robust mutex of this very thread.

#include <unordered_set>

#include "analyzers/held/source.h"
#include "analyzers/thread_status.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kRobustHeadOffset = 736;
constexpr std::uint64_t kListNextOffset = 32;
constexpr std::uint64_t kInheritBit = 1;
constexpr std::size_t kMostEntries = 65'536;  // of all threads

struct RobustHead {
  std::uint64_t first;
  std::int64_t offset;
  std::uint64_t pending;
};

void follow_list(const HeldSearch& search, ThreadIndex thread, Address head,
                 std::unordered_set<std::uint64_t>& seen, HeldFinds& finds) {
  Memory& memory = search.sources.memory;
  const auto list = memory.read_object<RobustHead>(head);
  if (!list || list->offset != -static_cast<std::int64_t>(kListNextOffset)) return;
  std::uint64_t next = list->first;
  while ((next & ~kInheritBit) != head.value) {
    const Address entry{next & ~kInheritBit};
    // A mutex is in the list of one thread, once.
    if (seen.size() == kMostEntries || !seen.insert(entry.value).second) return;
    const Address mutex = entry - kListNextOffset;
    const auto bytes = memory.read_object<MutexBytes>(mutex);
    if (!bytes) return;
    auto lock = search.test.test(mutex, *bytes);
    if (!lock || lock->thread != thread || !lock->mutex->robust) return;
    lock->found_by = FoundBy::kRobustList;
    finds.locks.push_back(std::move(*lock));
    next = bytes->next;
  }
}

}  // namespace

void find_robust_locks(const HeldSearch& search, HeldFinds& finds) {
  std::unordered_set<std::uint64_t> seen;
  for (ThreadIndex i = 0; i < search.snapshot.threads.size(); ++i) {
    const ThreadSnapshot& thread = search.snapshot.threads[i];
    if (has_ended(thread) || !thread.registers.thread_pointer) continue;
    follow_list(search, i, *thread.registers.thread_pointer + kRobustHeadOffset, seen, finds);
  }
}

}  // namespace pstuck
