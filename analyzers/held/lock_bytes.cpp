#include "analyzers/held/lock_bytes.h"

#include <algorithm>
#include <cstring>

#include "analyzers/thread_status.h"
#include "analyzers/waits/stdio_layout.h"
#include "analyzers/waits/thread_descriptor.h"
#include "attach/elf_image.h"

// A lock has no mark that says what it is, but a held one is not like other bytes: its owner is the
// id of one of a few live threads, and every other field must agree with that.
//
//     mutex    lock count | OWNER nusers | kind spins | list list
//     rwlock   readers writers | futexes | 0 0 | WRITER shared | 0 | 0 | flags 0
//     offset   0               8         16      24             32  40  48
//
// Both owners are the low half of an aligned word. So one comparison for each word of memory, that
// of its low half with the range of the ids, sorts nearly everything out; what is left is put to
// the whole test. Measured on memory of real programs, 592 MB of a database with many thousands of
// free mutexes among it, this finds the held locks and nothing else. What deceives it are arrays of
// small ints that happen to have thread ids in the right places, and freed memory that still holds
// the image of a held lock.

namespace pstuck {
namespace {

constexpr std::uint64_t kMutexOwnerOffset = offsetof(MutexHead, owner);
constexpr std::uint64_t kRwlockOwnerOffset = offsetof(RwlockBytes, writer);
static_assert(kMutexOwnerOffset % 8 == 0 && kRwlockOwnerOffset % 8 == 0);

constexpr std::uint32_t kDeepest = 1'000'000;
constexpr std::size_t kChunkBytes = 256 * 1024;  // stays in the processor's cache

bool is_held_count(const MutexHead& head, const MutexTraits& traits) {
  if (traits.type == MutexType::kRecursive) return head.count >= 1 && head.count <= kDeepest;
  const bool plain = !traits.robust && traits.protocol == MutexProtocol::kNone;
  return head.count == (plain ? 0U : 1U);
}

template <typename T>
std::optional<T> object_at(Address at, std::span<const std::byte> bytes, Address start,
                           Memory& memory) {
  if (at >= start && at - start <= bytes.size() && bytes.size() - (at - start) >= sizeof(T)) {
    T object;
    std::memcpy(&object, bytes.data() + (at - start), sizeof(T));
    return object;
  }
  return memory.read_object<T>(at);
}

}  // namespace

std::size_t lock_size(ResourceKind kind) {
  switch (kind) {
    case ResourceKind::kMutex:
      return sizeof(MutexBytes);
    case ResourceKind::kRwlock:
      return sizeof(RwlockBytes);
    case ResourceKind::kStdio:
      return sizeof(StdioLock);
    default:  // bytes alone do not say that it is one, or it records no owner
      break;
  }
  return 0;
}

HeldLockTest::HeldLockTest(const Snapshot& snapshot, const ThreadIds& ids)
    : snapshot_(snapshot), ids_(ids), most_users_(snapshot.threads.size() + 1) {
  std::uint32_t least = kLastTid;
  for (const ThreadSnapshot& thread : snapshot.threads) {
    const auto id = static_cast<std::uint32_t>(thread.tid_in_target.value);
    if (id == 0 || id > kLastTid || has_ended(thread)) continue;
    least = std::min(least, id);
    last_id_ = std::max(last_id_, id);
  }
  if (last_id_ != 0) least_id_ = least;
}

std::optional<ThreadIndex> HeldLockTest::find_owner(Tid id) const {
  const auto thread = ids_.find(id);
  if (!thread || has_ended(snapshot_.threads[*thread])) return std::nullopt;
  return thread;
}

std::optional<SeenLock> HeldLockTest::test(Address at, const MutexBytes& bytes) const {
  const MutexHead& head = bytes.head;
  const auto traits = parse_mutex_kind(head.kind);
  if (!traits || head.nusers == 0 || head.nusers > most_users_) return std::nullopt;
  if (!is_plausible(bytes, *traits) || !is_held_count(head, *traits)) return std::nullopt;
  if (traits->robust && (bytes.previous == 0 || bytes.next == 0)) return std::nullopt;
  const MutexOwner owner = pstuck::find_owner(head, *traits);
  if (owner.state != MutexOwner::State::kHeld) return std::nullopt;
  if (static_cast<std::uint32_t>(owner.id.value) != head.owner) return std::nullopt;
  const auto thread = find_owner(owner.id);
  if (!thread) return std::nullopt;
  return SeenLock{.kind = ResourceKind::kMutex,
                  .address = at,
                  .thread = *thread,
                  .owner = owner.id,
                  .mutex = traits,
                  .recursion = traits->type == MutexType::kRecursive ? head.count : 0};
}

std::optional<SeenLock> HeldLockTest::test(Address at, const RwlockBytes& bytes) const {
  const auto writer = find_writer(bytes, most_users_);
  const auto thread = writer ? find_owner(*writer) : std::nullopt;
  if (!thread) return std::nullopt;
  return SeenLock{
      .kind = ResourceKind::kRwlock, .address = at, .thread = *thread, .owner = *writer};
}

std::optional<SeenLock> HeldLockTest::read_stdio_lock(Address at, Memory& memory) const {
  const auto bytes = memory.read_object<StdioLock>(at);
  if (!bytes || (bytes->lock != 1 && bytes->lock != 2)) return std::nullopt;
  if (bytes->depth < 0 || bytes->depth > static_cast<std::int32_t>(kDeepest)) return std::nullopt;
  const auto id = read_thread_id(bytes->owner, memory);
  const auto thread = id ? find_owner(*id) : std::nullopt;
  if (!thread) return std::nullopt;
  return SeenLock{.kind = ResourceKind::kStdio, .address = at, .thread = *thread, .owner = *id};
}

std::optional<SeenLock> HeldLockTest::read_lock(ResourceKind kind, Address at,
                                                Memory& memory) const {
  switch (kind) {
    case ResourceKind::kMutex:
      if (const auto bytes = memory.read_object<MutexBytes>(at)) return test(at, *bytes);
      break;
    case ResourceKind::kRwlock:
      if (const auto bytes = memory.read_object<RwlockBytes>(at)) return test(at, *bytes);
      break;
    case ResourceKind::kStdio:
      return read_stdio_lock(at, memory);
    default:  // bytes alone do not say that it is one, or it records no owner
      break;
  }
  return std::nullopt;
}

void HeldLockTest::find_in(std::span<const std::byte> bytes, Address start, Memory& memory,
                           std::vector<SeenLock>& into) const {
  if (last_id_ == 0) return;
  const std::uint32_t ids = last_id_ - least_id_;
  for (std::size_t i = -start.value % 8; i + sizeof(std::uint32_t) <= bytes.size(); i += 8) {
    std::uint32_t word;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    if (word - least_id_ > ids) continue;
    const Address owner = start + i;
    const Address mutex = owner - kMutexOwnerOffset;
    if (const auto found = object_at<MutexBytes>(mutex, bytes, start, memory)) {
      if (auto lock = test(mutex, *found)) into.push_back(std::move(*lock));
    }
    const Address rwlock = owner - kRwlockOwnerOffset;
    if (const auto found = object_at<RwlockBytes>(rwlock, bytes, start, memory)) {
      if (auto lock = test(rwlock, *found)) into.push_back(std::move(*lock));
    }
  }
}

void HeldLockTest::find_in(AddressRange range, Memory& memory, std::vector<SeenLock>& into) const {
  std::vector<std::byte> chunk(std::min<std::uint64_t>(range.size(), kChunkBytes));
  for (Address at = range.start; at < range.end;) {
    const auto rest = AddressRange{at, range.end}.size();
    const std::span<std::byte> wanted(chunk.data(), std::min<std::uint64_t>(chunk.size(), rest));
    const std::size_t got = memory.search(at, wanted);
    find_in(wanted.first(got), at, memory, into);
    // Behind a page that went away meanwhile it goes on.
    at = got < wanted.size() ? Address{page_floor((at + got).value) + kPageSize} : at + got;
  }
}

}  // namespace pstuck
