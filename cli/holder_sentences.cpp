#include <fmt/format.h>

#include "analyzers/thread_status.h"
#include "cli/escape.h"
#include "cli/function_names.h"
#include "cli/sentences.h"
#include "cli/wait_words.h"
#include "cli/words.h"

// Who has what others wait for, or why that is not known.

namespace pstuck {
namespace {

constexpr std::size_t kShownPartners = 4;
constexpr std::size_t kWidestName = 64;

/// The mutex that goes with a condition variable: "used with g_mutex, ".
std::string with_mutex(const Resource& condition) {
  if (!condition.condition_mutex) return {};
  const ConditionMutex& mutex = *condition.condition_mutex;
  if (mutex.name.empty()) return fmt::format("used with mutex {:#x}, ", mutex.address.value);
  return fmt::format("used with {}, ", fitted_function(mutex.name, kWidestName));
}

/// Why what a lock file says of the owner led to nobody.
std::string gap_words(const OwnerGap& gap) {
  const std::string what = printable(gap.what, kWidestName);
  switch (gap.kind) {
    case OwnerGap::Kind::kNoMember:
      return fmt::format("whose owner is not known: no debug information tells where {} is", what);
    case OwnerGap::Kind::kNoTable:
      return fmt::format("whose owner is not known: no single variable of the program is called {}",
                         what);
    case OwnerGap::Kind::kNoThread:
      return fmt::format("whose owner is not known: it records {}, which leads to no thread", what);
  }
  return {};
}

/// Why nobody is named; begins so that it can follow the resource's name and a comma.
std::string why_not_known(const Resource& resource) {
  if (resource.owner_gap) return gap_words(*resource.owner_gap);
  const std::string state = state_words(resource);
  switch (resource.kind) {
    case ResourceKind::kRwlock:
      return (state.empty() ? "" : state + ", ") + "whose readers it does not record";
    case ResourceKind::kSemaphore:
    case ResourceKind::kSpinlock:
    case ResourceKind::kLibcLock:
    case ResourceKind::kLibraryLock:
      return "which records no owner";
    case ResourceKind::kOnce:
    case ResourceKind::kStaticGuard:
      return "which does not record who runs the initialisation";
    case ResourceKind::kCondition:
      return with_mutex(resource) + "which does not record who will notify it";
    case ResourceKind::kBarrier:
    case ResourceKind::kLatch:
      return (state.empty() ? "" : state + ", ") + "who is missing is not recorded";
    case ResourceKind::kFuture:
      return "which does not record who makes its result";
    case ResourceKind::kAtomic:
      return "which does not record who will change it";
    case ResourceKind::kMutex:
    case ResourceKind::kStdio:
    case ResourceKind::kThread:
      break;
  }
  return "whose kind or state records no owner";
}

}  // namespace

std::string Sentences::elsewhere(const Holder& holder) const {
  if (!holder.elsewhere) return fmt::format("thread {} of another process", owner_id_words(holder));
  const TaskElsewhere& task = *holder.elsewhere;
  return fmt::format(
      "thread {} of {} {}", task.tid.value, task.in_parent ? "the parent process" : "the process",
      ink_.name(fmt::format("{} (pid {})", printable(task.process_name, 64), task.process.value)));
}

std::string Sentences::holder(ResourceIndex index) const {
  const auto& resources = labels_.report().diagnosis.resources;
  if (index >= resources.size()) return "whose holder is not known";
  const Resource& resource = resources[index];
  const Holder& holder = resource.holder;
  if (holder.fate == OwnerFate::kThread && holder.thread) {
    const std::string state = resource.parties ? state_words(resource) + ", " : "";
    return fmt::format("{}{}{} {}", state, holder.evidence == Evidence::kInferred ? "likely " : "",
                       passive_part_words(resource, *holder.thread), thread(*holder.thread));
  }
  if (holder.fate == OwnerFate::kNotRecorded && !resource.partners.empty()) {
    return partners(resource);
  }
  return fate(resource);
}

std::string Sentences::partners(const Resource& resource) const {
  std::vector<std::string> threads;
  for (const Partner& partner : resource.partners) {
    if (threads.size() == kShownPartners) break;
    threads.push_back(thread(partner.thread));
  }
  if (resource.partners.size() > kShownPartners) {
    threads.push_back(fmt::format("{} more", resource.partners.size() - kShownPartners));
  }
  std::string state = resource.parties || resource.rwlock ? state_words(resource) : "";
  if (resource.condition_mutex) state = with_mutex(resource);
  const std::string_view how = resource.partners_complete ? "likely" : "possibly";
  const bool ends = state.empty() || state.ends_with(", ");
  return fmt::format("{}{}{} {} {}", state, ends ? "" : ", ", how,
                     passive_part_words(resource, resource.partners.front().thread),
                     list_words(threads));
}

/// To a barrier that all threads wait at, and that others do not share.
bool Sentences::nobody_can_come(const Resource& resource) const {
  if (resource.kind != ResourceKind::kBarrier || !resource.parties || resource.process_shared) {
    return false;
  }
  const Report& report = labels_.report();
  for (ThreadIndex i = 0; i < report.snapshot.threads.size(); ++i) {
    if (has_ended(report.snapshot.threads[i])) continue;
    const auto& wait = labels_.status(i).wait;
    const auto& waits = report.diagnosis.waits;
    if (!wait || *wait >= waits.size()) return false;
    if (&report.diagnosis.resources.at(waits[*wait].resource) != &resource) return false;
  }
  return true;
}

std::string Sentences::fate(const Resource& resource) const {
  const Holder& holder = resource.holder;
  switch (holder.fate) {
    case OwnerFate::kThread:
      break;
    case OwnerFate::kInTransition:
      return "which was changing hands";
    case OwnerFate::kExited:
      return fmt::format(
          "whose owner {} {}", owner_id_words(holder),
          labels_.report().snapshot.core ? "is not one of the core's threads" : "has exited");
    case OwnerFate::kForkInherited:
      return fmt::format("held by {} when this process was forked", elsewhere(holder));
    case OwnerFate::kOtherProcess:
      return fmt::format("held by {}", elsewhere(holder));
    case OwnerFate::kRecycled:
      return fmt::format("whose owner {} has exited, its id is now that of {}",
                         owner_id_words(holder),
                         holder.thread ? thread(*holder.thread) : "another thread");
    case OwnerFate::kOtherNamespace:
      return fmt::format("whose owner {} is in a PID namespace that pstuck cannot see into",
                         owner_id_words(holder));
    case OwnerFate::kNotRecorded:
      if (nobody_can_come(resource)) {
        return state_words(resource) + ", the others are no threads of this process";
      }
      return why_not_known(resource);
    case OwnerFate::kUnreadable:
      return "whose memory could not be read";
  }
  return "whose holder is not known";
}

}  // namespace pstuck
