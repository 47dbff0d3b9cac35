#include "analyzers/waits/mutex_layout.h"

#include <cstring>

// What the fields of a mutex can hold, from nptl/pthread_mutex_lock.c and nptl/pthreadP.h of glibc
// 2.36, and measured on 2.36 for every kind:
//
//              lock                              owner        count
//   plain      0 free, 1 held, 2 held + waiters  tid          recursive: depth, else 0
//   protect    the same | ceiling << 19          tid          recursive: depth, else 0 or 1
//   robust     tid | waiters | owner died        tid          recursive: depth, else 0 or 1
//   inherit    tid | waiters | owner died        tid          recursive: depth, else 0 or 1
//
// A plain mutex's owner is written after the lock word when it is taken, and cleared before it when
// it is given back: only when both are set is it held by somebody known.

namespace pstuck {
namespace {

constexpr std::uint32_t kTypeBits = 0x3;
constexpr std::uint32_t kRobustBit = 0x10;
constexpr std::uint32_t kInheritBit = 0x20;
constexpr std::uint32_t kProtectBit = 0x40;
constexpr std::uint32_t kSharedBit = 0x80;
constexpr std::uint32_t kElisionBit = 0x100;
constexpr std::uint32_t kNoElisionBit = 0x200;
constexpr std::uint32_t kAllBits =
    kTypeBits | kRobustBit | kInheritBit | kProtectBit | kSharedBit | kElisionBit | kNoElisionBit;

constexpr std::uint32_t kTidBits = 0x3fffffff;
constexpr std::uint32_t kOwnerDiedBit = 0x40000000;
constexpr std::uint32_t kCeilingShift = 19;
constexpr std::uint32_t kWithoutCeiling = (1U << kCeilingShift) - 1;
constexpr std::uint32_t kMostCeiling = 99;  // of SCHED_FIFO
constexpr std::uint32_t kHeldWithWaiters = 2;

// Robust mutexes keep these in the owner field: PTHREAD_MUTEX_INCONSISTENT and _NOTRECOVERABLE.
constexpr std::uint32_t kNotRecoverable = 0x7ffffffe;
constexpr std::uint32_t kInconsistent = 0x7fffffff;

constexpr int kMostSpins = 32767;
constexpr int kMostElision = 1000;
constexpr std::uint32_t kDeepest = 1U << 30;

bool owner_in_lock_word(const MutexTraits& traits) {
  return traits.robust || traits.protocol == MutexProtocol::kInherit;
}

bool plausible_lock_word(const MutexHead& head, const MutexTraits& traits) {
  if (owner_in_lock_word(traits)) return (head.lock & kTidBits) <= kLastTid;
  if (traits.protocol != MutexProtocol::kProtect) return head.lock <= kHeldWithWaiters;
  return (head.lock & kWithoutCeiling) <= kHeldWithWaiters &&
         head.lock >> kCeilingShift <= kMostCeiling;
}

bool plausible_owner(const MutexHead& head, const MutexTraits& traits) {
  if (head.owner <= kLastTid) return true;
  return traits.robust && (head.owner == kNotRecoverable || head.owner == kInconsistent);
}

bool plausible_count(const MutexHead& head, const MutexTraits& traits) {
  if (traits.type == MutexType::kRecursive) return head.count <= kDeepest;
  const bool plain = !traits.robust && traits.protocol == MutexProtocol::kNone;
  return head.count <= (plain ? 0U : 1U);
}

bool plausible_spins(const MutexHead& head, const MutexTraits& traits) {
  const int most = traits.type == MutexType::kAdaptive ? kMostSpins : 0;
  return head.spins >= 0 && head.spins <= most && head.elision >= -1 &&
         head.elision <= kMostElision;
}

}  // namespace

std::optional<MutexTraits> parse_mutex_kind(std::uint32_t kind) {
  if ((kind & ~kAllBits) != 0) return std::nullopt;
  const bool robust = (kind & kRobustBit) != 0;
  const bool inherit = (kind & kInheritBit) != 0;
  const bool protect = (kind & kProtectBit) != 0;
  if (protect && (inherit || robust)) return std::nullopt;
  if ((kind & kElisionBit) != 0 && (kind & kNoElisionBit) != 0) return std::nullopt;
  return MutexTraits{.type = static_cast<MutexType>(kind & kTypeBits),
                     .protocol = inherit   ? MutexProtocol::kInherit
                                 : protect ? MutexProtocol::kProtect
                                           : MutexProtocol::kNone,
                     .robust = robust,
                     .process_shared = (kind & kSharedBit) != 0};
}

MutexOwner find_owner(const MutexHead& head, const MutexTraits& traits) {
  if (owner_in_lock_word(traits)) {
    const std::uint32_t id = head.lock & kTidBits;
    // Where nobody repairs the state, a later owner keeps the bit of the one that died.
    const bool between_owners = traits.robust && (head.lock & kOwnerDiedBit) != 0;
    if (id == 0 || between_owners) return {};
    return {MutexOwner::State::kHeld, Tid{static_cast<std::int32_t>(id)}};
  }
  if ((head.lock & kWithoutCeiling) == 0) return {};
  if (head.owner != 0 && head.owner <= kLastTid) {
    return {MutexOwner::State::kHeld, Tid{static_cast<std::int32_t>(head.owner)}};
  }
  if ((head.kind & kElisionBit) != 0) return {MutexOwner::State::kNotRecorded, {}};
  return {};
}

bool is_plausible(const MutexBytes& mutex, const MutexTraits& traits) {
  if (!traits.robust && (mutex.previous != 0 || mutex.next != 0)) return false;
  return plausible_lock_word(mutex.head, traits) && plausible_owner(mutex.head, traits) &&
         plausible_count(mutex.head, traits) && plausible_spins(mutex.head, traits);
}

std::optional<MutexOwner> find_owner(const std::array<std::byte, 24>& bytes) {
  MutexHead head;
  std::memcpy(&head, bytes.data(), sizeof head);
  const auto traits = parse_mutex_kind(head.kind);
  if (!traits) return std::nullopt;
  return find_owner(head, *traits);
}

}  // namespace pstuck
