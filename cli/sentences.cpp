#include "cli/sentences.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cli/escape.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::string_view kDot = " · ";

bool is_thread_end(const Diagnosis& diagnosis, ResourceIndex index) {
  return index < diagnosis.resources.size() &&
         diagnosis.resources[index].kind == ResourceKind::kThread;
}

std::string id_of(const Holder& holder) {
  return holder.recorded_id ? fmt::format("{}", holder.recorded_id->value) : "unknown";
}

/// "mutex", "mutexes"; "locks" when they are of several kinds.
std::string_view word_for(const std::vector<const Resource*>& locks) {
  const bool mutexes = std::ranges::all_of(
      locks, [](const Resource* lock) { return lock->kind == ResourceKind::kMutex; });
  if (mutexes) return locks.size() == 1 ? "mutex" : "mutexes";
  return locks.size() == 1 ? "lock" : "locks";
}

/// How much of a deadlock is recorded where.
std::string evidence_of_cycle(const Diagnosis& diagnosis, const Cycle& cycle) {
  std::size_t joins = 0;
  std::vector<const Resource*> locks;
  for (const WaitIndex wait : cycle.waits) {
    const ResourceIndex resource = diagnosis.waits.at(wait).resource;
    if (is_thread_end(diagnosis, resource)) {
      ++joins;
    } else {
      locks.push_back(&diagnosis.resources.at(resource));
    }
  }
  std::vector<std::string> recorded;
  if (!locks.empty()) {
    recorded.push_back(fmt::format("{} recorded in the {}", locks.size() == 1 ? "Owner" : "Owners",
                                   word_for(locks)));
  }
  if (joins > 0) {
    recorded.push_back(fmt::format("{} recorded in {}",
                                   joins == 1 ? "joined thread" : "joined threads",
                                   joins == 1 ? "the waiting call" : "the waiting calls"));
  }
  std::string text = list_words(recorded);
  if (!text.empty() && text.front() == 'j') text.front() = 'J';
  return text;
}

std::string kind_count(FindingKind kind, std::size_t count) {
  switch (kind) {
    case FindingKind::kDeadlock:
      return count_words(count, "deadlock", "deadlocks");
    case FindingKind::kAllAsleep:
      return "every thread asleep";
    case FindingKind::kOwnerExited:
      return count_words(count, "lock whose owner has exited", "locks whose owners have exited");
    case FindingKind::kForkInherited:
      return count_words(count, "lock inherited over fork", "locks inherited over fork");
    case FindingKind::kOwnerRecycled:
      return count_words(count, "lock whose owner's id was recycled",
                         "locks whose owners' ids were recycled");
    case FindingKind::kStalledHolder:
      return count_words(count, "stalled holder", "stalled holders");
  }
  return count_words(count, "finding", "findings");
}

}  // namespace

Sentences::Sentences(const Report& report, Ink ink) : labels_(report), ink_(std::move(ink)) {}

std::string Sentences::thread(ThreadIndex index) const { return ink_.name(labels_.thread(index)); }

std::string Sentences::lock(ResourceIndex index) const { return ink_.name(labels_.lock(index)); }

std::string Sentences::code(std::string_view hostile) const {
  return ink_.code(printable(hostile));
}

std::string Sentences::verdict(const Finding& finding) const {
  std::string text = finding.kind == FindingKind::kDeadlock ? deadlock(finding) : stuck(finding);
  if (finding.evidence == Evidence::kInferred) text = "likely: " + text;
  if (finding.since) text += fmt::format("{}for {}", kDot, duration_words(*finding.since));
  if (finding.ends_by_itself) {
    text +=
        finding.ends_by_itself->count() > 0
            ? fmt::format("{}breaks by itself in {}", kDot, duration_words(*finding.ends_by_itself))
            : fmt::format("{}a timeout in it is due now", kDot);
  }
  const std::size_t behind = finding.stuck_behind.size();
  if (finding.kind == FindingKind::kDeadlock && behind > 0) {
    const auto& cycle = labels_.report().diagnosis.cycles.at(finding.cycle.value_or(0));
    text += fmt::format("{}{} more {} stuck behind {}", kDot, behind, verb_for(behind, "is", "are"),
                        verb_for(cycle.waits.size(), "it", "them"));
  }
  return text;
}

std::string_view Sentences::calm_verdict() const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  const auto leaves_a_doubt = [](const ThreadStatus& status) {
    return status.activity == Activity::kFutex || status.activity == Activity::kUnknown;
  };
  const bool for_locks = std::ranges::any_of(
      diagnosis.waits, [](const Wait& wait) { return wait.kind != WaitKind::kJoin; });
  const bool doubts =
      for_locks || diagnosis.moved > 0 || std::ranges::any_of(diagnosis.threads, leaves_a_doubt);
  return doubts ? "No hang found" : "Nothing is stuck";
}

std::string Sentences::deadlock(const Finding& finding) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  const auto& waits = diagnosis.cycles.at(finding.cycle.value_or(0)).waits;
  if (waits.size() == 2) return "2 threads wait for each other";
  if (waits.size() != 1) return fmt::format("{} threads wait in a circle", waits.size());
  const Wait& wait = diagnosis.waits.at(waits.front());
  if (is_thread_end(diagnosis, wait.resource)) {
    return thread(wait.thread) + " waits for its own end";
  }
  return fmt::format("{} waits for {}, which it holds itself", thread(wait.thread),
                     lock(wait.resource));
}

std::string Sentences::stuck(const Finding& finding) const {
  const ResourceIndex index = finding.resource.value_or(0);
  const Holder& holder = labels_.report().diagnosis.resources.at(index).holder;
  const std::size_t behind = finding.stuck_behind.size();
  const std::string who =
      fmt::format("{} {} stuck behind ", count_words(behind, "thread", "threads"),
                  verb_for(behind, "is", "are"));
  switch (finding.kind) {
    case FindingKind::kDeadlock:
    case FindingKind::kAllAsleep:
      break;
    case FindingKind::kOwnerExited:
      return fmt::format("{}{}: its owner {} {}", who, lock(index), id_of(holder),
                         labels_.report().snapshot.core ? "is not one of the core's threads"
                                                        : "exited without unlocking it");
    case FindingKind::kForkInherited:
      return fmt::format(
          "{}{}: {} held it when this process was forked, and nobody here can unlock it", who,
          lock(index), elsewhere(holder));
    case FindingKind::kOwnerRecycled:
      return fmt::format("{}{}: its owner {} exited, and {}, which has that id now, started later",
                         who, lock(index), id_of(holder),
                         holder.thread ? thread(*holder.thread) : "another thread");
    case FindingKind::kStalledHolder:
      if (!holder.thread) break;
      if (is_thread_end(labels_.report().diagnosis, index)) {
        return fmt::format("{}{}, which {}", who, lock(index), activity(*holder.thread));
      }
      return fmt::format("{}{}, which holds {} and {}", who, thread(*holder.thread), lock(index),
                         activity(*holder.thread));
  }
  return who + lock(index);
}

std::string Sentences::count() const {
  std::map<FindingKind, std::size_t> counts;
  for (const Finding& finding : labels_.report().diagnosis.findings) ++counts[finding.kind];
  if (counts.empty()) return "no deadlock";
  std::vector<std::string> parts;
  for (const auto& [kind, count] : counts) parts.push_back(kind_count(kind, count));
  return list_words(parts);
}

std::string Sentences::evidence(const Finding& finding) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  std::string text;
  if (finding.evidence == Evidence::kInferred) {
    text = "A holder is inferred from its stack, not recorded";
  } else if (finding.evidence == Evidence::kUnknown) {
    text = "A holder in it is not known";
  } else if (finding.cycle) {
    text = evidence_of_cycle(diagnosis, diagnosis.cycles.at(*finding.cycle));
  } else if (is_thread_end(diagnosis, finding.resource.value_or(0))) {
    text = "Joined thread recorded in the waiting call";
  } else {
    const ResourceIndex lock = finding.resource.value_or(0);
    text = fmt::format("Owner recorded in the {}", word_for({&diagnosis.resources.at(lock)}));
  }
  return fmt::format("{}{}{}.", text, kDot, proof(finding));
}

std::string Sentences::proof(const Finding& finding) const {
  const Confirmation& confirmation = finding.confirmation;
  if (labels_.report().snapshot.kind == TargetKind::kCore) {
    return "a core shows one instant, so no second look was possible";
  }
  if (!confirmation.looked_again) return "no second look was taken";
  const std::string gap = duration_words(confirmation.gap);
  if (!confirmation.counters_seen) {
    return fmt::format("two reads {} apart saw the same waits and owners", gap);
  }
  std::string_view nobody = "none of these threads ran";
  if (finding.cycle) {
    const auto& cycle = labels_.report().diagnosis.cycles.at(*finding.cycle);
    nobody = cycle.waits.size() == 1 ? "it did not run" : "nobody in the cycle ran";
  }
  return fmt::format("{} between two reads {} apart", nobody, gap);
}

std::string Sentences::elsewhere(const Holder& holder) const {
  if (!holder.elsewhere) return fmt::format("thread {} of another process", id_of(holder));
  const TaskElsewhere& task = *holder.elsewhere;
  return fmt::format(
      "thread {} of {} {}", task.tid.value, task.in_parent ? "the parent process" : "the process",
      ink_.name(fmt::format("{} (pid {})", printable(task.process_name, 64), task.process.value)));
}

std::string Sentences::holder(ResourceIndex index) const {
  const auto& resources = labels_.report().diagnosis.resources;
  if (index >= resources.size()) return "whose holder is not known";
  const Holder& holder = resources[index].holder;
  if (holder.fate == OwnerFate::kThread && holder.thread) {
    return fmt::format("{}held by {}", holder.evidence == Evidence::kInferred ? "likely " : "",
                       thread(*holder.thread));
  }
  return fate(holder);
}

std::string Sentences::fate(const Holder& holder) const {
  switch (holder.fate) {
    case OwnerFate::kThread:
      break;
    case OwnerFate::kInTransition:
      return "which was changing hands";
    case OwnerFate::kExited:
      return fmt::format(
          "whose owner {} {}", id_of(holder),
          labels_.report().snapshot.core ? "is not one of the core's threads" : "has exited");
    case OwnerFate::kForkInherited:
      return fmt::format("held by {} when this process was forked", elsewhere(holder));
    case OwnerFate::kOtherProcess:
      return fmt::format("held by {}", elsewhere(holder));
    case OwnerFate::kRecycled:
      return fmt::format("whose owner {} has exited, its id is now that of {}", id_of(holder),
                         holder.thread ? thread(*holder.thread) : "another thread");
    case OwnerFate::kOtherNamespace:
      return fmt::format("whose owner {} is in a PID namespace that pstuck cannot see into",
                         id_of(holder));
    case OwnerFate::kNotRecorded:
      return "whose kind or state records no owner";
    case OwnerFate::kUnreadable:
      return "whose memory could not be read";
  }
  return "whose holder is not known";
}

std::string Sentences::activity(ThreadIndex index) const {
  const ThreadStatus& status = labels_.status(index);
  const auto& waits = labels_.report().diagnosis.waits;
  if (status.wait && *status.wait < waits.size()) {
    return "waits for " + lock(waits[*status.wait].resource);
  }
  std::string text = activity_words(status.activity, status.syscall, 1);
  const auto& threads = labels_.report().snapshot.threads;
  if (status.activity == Activity::kUninterruptible && index < threads.size() &&
      !threads[index].wait_channel.empty()) {
    text += fmt::format(" (kernel function {})", code(threads[index].wait_channel));
  }
  return text;
}

std::string Sentences::chain(ResourceIndex first) const {
  constexpr std::size_t kShownLocks = 6;
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  std::string text;
  ResourceIndex resource = first;
  for (std::size_t hop = 0; hop <= diagnosis.waits.size(); ++hop) {
    const bool shown = hop < kShownLocks;
    if (shown) text += lock(resource);
    const Holder& holder = diagnosis.resources.at(resource).holder;
    const bool known = holder.fate == OwnerFate::kThread && holder.thread;
    if (shown && !is_thread_end(diagnosis, resource)) text += ", " + this->holder(resource);
    if (!known)
      return shown ? text : text + fmt::format(" … to {}, {}", lock(resource), fate(holder));
    const ThreadStatus& status = labels_.status(*holder.thread);
    const auto deadlock = labels_.deadlock_of(*holder.thread);
    if (!shown && (deadlock || !status.wait)) text += " … to " + thread(*holder.thread);
    if (deadlock) {
      return text + (labels_.deadlocks() == 1
                         ? ", in the deadlock above"
                         : fmt::format(", in deadlock {} above", *deadlock + 1));
    }
    if (!status.wait) return text + ", which " + activity(*holder.thread);
    if (hop + 1 < kShownLocks) text += ", which waits for ";
    resource = diagnosis.waits.at(*status.wait).resource;
  }
  return text + ", and so on in a circle that was seen to move";
}

std::string Sentences::pile_up(const PileUp& pile_up) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  const std::size_t count = pile_up.waits.size();
  const std::string who = count == 1 ? thread(diagnosis.waits.at(pile_up.waits.front()).thread)
                                     : count_words(count, "thread", "threads");
  std::string text =
      fmt::format("{} {} for {}", who, verb_for(count, "waits", "wait"), chain(pile_up.resource));
  if (pile_up.victims > count)
    text += fmt::format("{}{} in all are stuck here", kDot, pile_up.victims);
  return text;
}

std::string Sentences::deadline(const Wait& wait) const {
  if (!wait.deadline) return {};
  const auto& remaining = wait.deadline->remaining;
  if (!remaining) return "has a timeout";
  if (remaining->count() <= 0) return "its timeout is due now";
  return "times out in " + duration_words(*remaining);
}

std::string Sentences::others() const {
  std::vector<std::pair<std::pair<Activity, std::int64_t>, std::size_t>> kinds;
  for (const ThreadGroup& group : labels_.report().diagnosis.others) {
    const auto key = std::pair(group.activity, group.syscall);
    auto found = std::find_if(kinds.begin(), kinds.end(),
                              [&](const auto& kind) { return kind.first == key; });
    if (found == kinds.end()) found = kinds.insert(kinds.end(), {key, 0});
    found->second += group.group.threads.size();
  }
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [kind, count] : kinds) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", count, activity_words(kind.first, kind.second, count));
  }
  return text;
}

std::string Sentences::capture() const {
  const Snapshot& snapshot = labels_.report().snapshot;
  const std::string threads = count_words(snapshot.threads.size(), "thread", "threads");
  if (snapshot.core) {
    std::string end = snapshot.core->signal == 0 ? "the process was alive when it was written"
                                                 : fmt::format("the process was ended by signal {}",
                                                               snapshot.core->signal);
    return fmt::format("A core with {}; {}.", threads, end);
  }
  const std::string took = duration_words(snapshot.capture_took);
  const std::string stop = duration_words(snapshot.longest_stop);
  if (snapshot.frozen) {
    return fmt::format("Looked at {} in {}, all stopped at one instant for {} at most.", threads,
                       took, stop);
  }
  return fmt::format("Looked at {} in {}; none stood still for longer than {}.", threads, took,
                     stop);
}

}  // namespace pstuck
