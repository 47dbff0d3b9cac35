#include "cli/wait_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/words.h"

namespace pstuck {
namespace {

const Partner* find_partner(const Resource& resource, ThreadIndex thread) {
  const auto found = std::ranges::find(resource.partners, thread, &Partner::thread);
  return found == resource.partners.end() ? nullptr : &*found;
}

/// What a recorded owner has to do with it.
Part part_of_owner(const Resource& resource) {
  switch (resource.kind) {
    case ResourceKind::kOnce:
    case ResourceKind::kStaticGuard:
      return Part::kInitialises;
    case ResourceKind::kFuture:
      return Part::kMakesResult;
    default:
      return Part::kHolds;
  }
}

Part part_of(const Resource& resource, ThreadIndex thread) {
  const Partner* const partner = find_partner(resource, thread);
  return partner != nullptr ? partner->part : part_of_owner(resource);
}

}  // namespace

std::string_view wait_words(WaitKind kind) {
  switch (kind) {
    case WaitKind::kReadLock:
      return "to read";
    case WaitKind::kWriteLock:
      return "to write";
    case WaitKind::kUnit:
      return "for a unit of";
    case WaitKind::kInitialisation:
      return "for the initialisation behind";
    case WaitKind::kNotification:
      return "for a notification of";
    case WaitKind::kArrivals:
      return "at";
    case WaitKind::kResult:
      return "for the result of";
    case WaitKind::kChange:
      return "for a change of";
    case WaitKind::kLock:
    case WaitKind::kRelockAfterCondition:
    case WaitKind::kJoin:
      break;
  }
  return "for";
}

std::string_view want_words(WaitKind kind) {
  switch (kind) {
    case WaitKind::kReadLock:
      return "wants to read";
    case WaitKind::kWriteLock:
      return "wants to write";
    case WaitKind::kUnit:
      return "wants a unit of";
    case WaitKind::kInitialisation:
      return "waits for";
    case WaitKind::kNotification:
      return "waits for notification of";
    case WaitKind::kArrivals:
      return "waits at";
    case WaitKind::kResult:
      return "waits for";
    case WaitKind::kChange:
      return "waits for a change of";
    case WaitKind::kJoin:
      return "joins";
    case WaitKind::kLock:
    case WaitKind::kRelockAfterCondition:
      break;
  }
  return "wants";
}

std::string_view part_words(const Resource& resource, ThreadIndex thread) {
  switch (part_of(resource, thread)) {
    case Part::kReads:
      return "reads";
    case Part::kTookUnit:
      return "has a unit of";
    case Part::kInitialises:
      return "initialises";
    case Part::kIsToArrive:
      return "is to arrive at";
    case Part::kMayNotify:
      return "may notify";
    case Part::kMakesResult:
      return "makes";
    case Part::kHolds:
      break;
  }
  return "holds";
}

std::string_view passive_part_words(const Resource& resource, ThreadIndex thread) {
  switch (part_of(resource, thread)) {
    case Part::kReads:
      return "read by";
    case Part::kTookUnit:
      return "a unit of it is with";
    case Part::kInitialises:
      return "run by";
    case Part::kIsToArrive:
      return "still to come:";
    case Part::kMayNotify:
      return "could be notified by";
    case Part::kMakesResult:
      return "made by";
    case Part::kHolds:
      break;
  }
  return "held by";
}

std::string event_words(ResourceKind kind, std::size_t threads) {
  const std::string verb(verb_for(threads, "waits", "wait"));
  switch (kind) {
    case ResourceKind::kCondition:
      return verb + " for a notification";
    case ResourceKind::kSemaphore:
      return verb + " for a semaphore";
    case ResourceKind::kBarrier:
    case ResourceKind::kLatch:
      return verb + " for others to arrive";
    case ResourceKind::kFuture:
      return verb + " for a result";
    case ResourceKind::kAtomic:
      return verb + " for a change of an atomic";
    case ResourceKind::kThread:
      return verb + (threads == 1 ? " for a thread to end" : " for threads to end");
    default:
      return verb;
  }
}

std::string group_words(const ThreadGroup& group, std::size_t threads) {
  if (group.waits_for) return event_words(*group.waits_for, threads);
  return activity_words(group.activity, group.syscall, threads);
}

std::string state_words(const Resource& resource) {
  if (resource.rwlock && !resource.rwlock->write_locked && resource.rwlock->readers > 0) {
    return fmt::format("read by {}", count_words(resource.rwlock->readers, "thread", "threads"));
  }
  if (!resource.parties) return {};
  const PartyCount& parties = *resource.parties;
  if (parties.arrived && parties.expected) {
    return fmt::format("{} of {} have arrived", *parties.arrived, *parties.expected);
  }
  return fmt::format("{} still to arrive", parties.missing);
}

}  // namespace pstuck
