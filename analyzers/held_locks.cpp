#include "analyzers/held_locks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <thread>
#include <tuple>

#include "analyzers/held/source.h"
#include "analyzers/held/writable_memory.h"
#include "analyzers/resources.h"
#include "attach/mappings.h"

// That a lock is held, and by whom, says the lock; the question is where the locks are. Several
// sources answer it, each in a file of its own in held/. Most of them take bytes for a lock because
// of what they are, so what they find is put to three more tests:
//
//     it is the same a moment later     a running target takes and releases locks all the time
//     it is in no other lock            the bytes of one lock can hold those of another's image:
//                                       of two that overlap the more trusted one counts
//     it is not what somebody waits for  about that lock the waits have said all there is to say
//
// A lock that somebody waits for needs none of them. Where bytes say too little a find is doubted:
// it counts only when later some frame of its owner turns out to have taken it. So it is
//
//     in a page that is full of thread ids              it can be an array of them
//     where the owner's id is a common number           it can be anything, but for a variable that
//                                                       is known to be a lock
//     where the owner was not asleep when its stack     it can have been taken since, by a frame
//     was copied                                        that the stack does not have

namespace pstuck {
namespace {

// What was found by its bytes alone is looked at again after at least this time.
constexpr std::chrono::milliseconds kBetweenLooks{10};

// So many are put to the test of their frames; what is full of more is no heap of locks.
constexpr std::size_t kMostDoubted = 256;

constexpr std::string_view kLoaderVariable = "_rtld_global";  // in it are the loader's locks

// Ranges of addresses that belong to one lock each.
class TakenBytes {
 public:
  /// False when some of the bytes are taken.
  bool take(Address start, std::size_t size) {
    const auto after = taken_.upper_bound(start);
    if (after != taken_.end() && after->first < start + size) return false;
    if (after != taken_.begin() && std::prev(after)->second > start) return false;
    taken_.emplace(start, start + size);
    return true;
  }

 private:
  std::map<Address, Address> taken_;  // start to end
};

bool is_still_held(const SeenLock& seen, const HeldSearch& search) {
  const auto now = search.test.read_lock(seen.kind, seen.address, search.sources.memory);
  return now && now->owner == seen.owner && now->thread == seen.thread;
}

void drop_what_changed(const HeldSearch& search, std::vector<SeenLock>& locks) {
  const auto by_bytes_alone = [](const SeenLock& lock) {
    return lock.found_by == FoundBy::kMemoryScan;
  };
  if (search.snapshot.is_running() && std::ranges::any_of(locks, by_bytes_alone)) {
    std::this_thread::sleep_for(kBetweenLooks);
  }
  std::erase_if(locks, [&](const SeenLock& lock) {
    return lock.found_by != FoundBy::kWaitedFor && !is_still_held(lock, search);
  });
}

// A rwlock has more fields that had to agree than a mutex.
auto trust_key(const SeenLock& lock) {
  return std::tuple(lock.doubted, lock.found_by, lock.kind != ResourceKind::kRwlock, lock.address,
                    lock.kind);
}

std::vector<SeenLock> choose(std::vector<SeenLock> seen, std::span<const Resource> known) {
  std::ranges::sort(seen, {}, trust_key);
  TakenBytes taken;
  for (const Resource& resource : known) {
    if (const std::size_t size = lock_size(resource.kind)) taken.take(resource.address, size);
  }
  std::vector<SeenLock> chosen;
  for (SeenLock& lock : seen) {
    if (lock.found_by != FoundBy::kWaitedFor && !taken.take(lock.address, lock_size(lock.kind))) {
      continue;
    }
    chosen.push_back(std::move(lock));
  }
  return chosen;
}

Resource to_resource(SeenLock& lock, const Snapshot& snapshot) {
  Resource resource{.kind = lock.kind,
                    .address = lock.address,
                    .name = std::move(lock.name),
                    .type = std::move(lock.type),
                    .mutex = lock.mutex,
                    .recursion = lock.recursion,
                    .holder = {.evidence = Evidence::kRecorded,
                               .fate = OwnerFate::kThread,
                               .thread = lock.thread,
                               .recorded_id = lock.owner}};
  if (!resource.name.empty()) resource.named_by = NamedBy::kVariable;
  if (resource.mutex && resource.mutex->robust) {
    const Mapping* mapping = find_mapping(snapshot, resource.address);
    resource.mutex->process_shared = mapping != nullptr && mapping->shared;
  }
  return resource;
}

using ResourceKey = std::pair<ResourceKind, Address>;

ResourceKey key_of(const Resource& resource) { return {resource.kind, resource.address}; }

void sort_resources(Diagnosis& diagnosis) {
  std::vector<ResourceIndex> order(diagnosis.resources.size());
  std::iota(order.begin(), order.end(), ResourceIndex{0});
  std::ranges::stable_sort(order, {},
                           [&](ResourceIndex i) { return key_of(diagnosis.resources[i]); });
  keep_resources(order, diagnosis);
}

void add_locks(std::vector<SeenLock>& locks, const Snapshot& snapshot, Diagnosis& diagnosis) {
  for (SeenLock& lock : locks) {
    if (lock.found_by == FoundBy::kWaitedFor) continue;
    diagnosis.resources.push_back(to_resource(lock, snapshot));
  }
  sort_resources(diagnosis);
  for (const SeenLock& lock : locks) {
    const auto resource = std::ranges::lower_bound(
        diagnosis.resources, ResourceKey(lock.kind, lock.address), {}, key_of);
    const auto index = static_cast<ResourceIndex>(resource - diagnosis.resources.begin());
    diagnosis.held.push_back({.thread = lock.thread,
                              .resource = index,
                              .found_by = lock.found_by,
                              .doubted = lock.doubted});
  }
  sort_held(diagnosis);
}

bool is_known_variable(const SeenLock& lock, Program& program) {
  const auto symbol = program.find_data_symbol(lock.address);
  if (!symbol) return false;
  if (symbol->offset == 0 && symbol->size == lock_size(lock.kind)) return true;
  return symbol->name == kLoaderVariable || symbol->type.find("mutex") != std::string::npos ||
         symbol->type.find("lock") != std::string::npos;
}

void doubt(const HeldSearch& search, std::vector<SeenLock>& locks) {
  for (SeenLock& lock : locks) {
    const bool by_bytes = lock.found_by == FoundBy::kVariable ||
                          lock.found_by == FoundBy::kPointer ||
                          lock.found_by == FoundBy::kMemoryScan;
    if (!by_bytes) continue;
    const Syscall& call = search.snapshot.threads[lock.thread].syscall;
    const bool was_awake = search.snapshot.kind == TargetKind::kLive && !search.snapshot.frozen &&
                           call.state != SyscallState::kInSyscall;
    const bool is_common =
        lock.owner <= kLastCommonNumber && !is_known_variable(lock, search.sources.program);
    lock.doubted = lock.doubted || was_awake || is_common;
  }
}

void say_doubted(std::size_t count, std::vector<BlindSpot>& blind_spots) {
  if (count == 0) return;
  blind_spots.push_back({BlindSpotKind::kHeldLocksDoubted, fmt::format("{}", count)});
}

void drop_crowds(HeldFinds& finds) {
  const auto is_doubted = [](const SeenLock& lock) { return lock.doubted; };
  const auto doubted = static_cast<std::size_t>(std::ranges::count_if(finds.locks, is_doubted));
  if (doubted <= kMostDoubted) return;
  std::erase_if(finds.locks, is_doubted);
  say_doubted(doubted, finds.blind_spots);
}

}  // namespace

void sort_held(Diagnosis& diagnosis) {
  std::ranges::stable_sort(diagnosis.held, {}, [](const HeldLock& held) {
    const std::size_t frame = held.acquisition ? held.acquisition->frame : SIZE_MAX;
    return std::tuple(held.thread, frame, held.resource);
  });
}

void drop_doubted_locks(Diagnosis& diagnosis) {
  std::set<ResourceIndex> dropped;
  std::erase_if(diagnosis.held, [&](const HeldLock& held) {
    const bool is_unproved = held.doubted && !held.acquisition;
    if (is_unproved) dropped.insert(held.resource);
    return is_unproved;
  });
  for (HeldLock& held : diagnosis.held) held.doubted = false;
  std::vector<ResourceIndex> kept;
  for (ResourceIndex i = 0; i < diagnosis.resources.size(); ++i) {
    if (!dropped.contains(i)) kept.push_back(i);
  }
  keep_resources(kept, diagnosis);
  say_doubted(dropped.size(), diagnosis.blind_spots);
}

void find_held_locks(const Snapshot& snapshot, const Stacks& stacks, const ThreadIds& ids,
                     const Sources& sources, const DiagnoseOptions& options, Diagnosis& diagnosis) {
  const HeldLockTest test(snapshot, ids);
  const std::vector<AddressRange> objects = find_object_memory(snapshot, stacks, sources.memory);
  const HeldSearch search{snapshot, stacks, test, sources, options, diagnosis, objects};
  HeldFinds finds;
  for (const HeldSource source : held_sources()) source(search, finds);
  drop_what_changed(search, finds.locks);
  doubt(search, finds.locks);
  drop_crowds(finds);
  std::vector<SeenLock> locks = choose(std::move(finds.locks), diagnosis.resources);
  add_locks(locks, snapshot, diagnosis);
  std::ranges::move(finds.blind_spots, std::back_inserter(diagnosis.blind_spots));
}

}  // namespace pstuck
