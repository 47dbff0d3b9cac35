#include "cli/sentences.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "analyzers/program_frames.h"
#include "analyzers/resources.h"
#include "analyzers/thread_rules.h"
#include "cli/escape.h"
#include "cli/wait_words.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::string_view kDot = " · ";
constexpr std::chrono::seconds kWorthTelling{1};

bool is_thread_end(const Diagnosis& diagnosis, ResourceIndex index) {
  return index < diagnosis.resources.size() &&
         diagnosis.resources[index].kind == ResourceKind::kThread;
}

/// Threads do not wait for work in such a call.
bool is_no_idle_act(CallAct act) {
  switch (act) {
    case CallAct::kWrite:
    case CallAct::kFlock:
    case CallAct::kFcntl:
    case CallAct::kOpen:
    case CallAct::kConnect:
    case CallAct::kSync:
    case CallAct::kVfork:
    case CallAct::kSemaphores:
    case CallAct::kSendMessage:
      return true;
    default:
      return false;
  }
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

Sentences::Sentences(const Report& report, Ink ink, Detail detail)
    : labels_(report),
      ink_(std::move(ink)),
      ranking_(rank_roots(report.diagnosis)),
      detail_(detail) {}

std::string Sentences::thread(ThreadIndex index) const { return ink_.name(labels_.thread(index)); }

std::string Sentences::lock(ResourceIndex index) const { return ink_.name(labels_.lock(index)); }

std::string Sentences::code(std::string_view hostile) const {
  return ink_.code(printable(hostile));
}

std::string Sentences::verdict(const Finding& finding) const {
  std::string text = finding.kind == FindingKind::kDeadlock ? deadlock(finding) : stuck(finding);
  // Of a stalled holder it is told how long itself has waited.
  if (finding.since && finding.kind != FindingKind::kStalledHolder)
    text += fmt::format("{}for {}", kDot, duration_words(*finding.since));
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
  if (!labels_.report().snapshot.kernel.frozen_group.empty()) return "Frozen";
  return is_surely_calm() ? "Nothing is stuck" : "No hang found";
}

bool Sentences::is_surely_calm() const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  const auto asks = [](const Remark& remark) { return remark.says == Remark::Says::kAsk; };
  const auto is_idle = [&](const ThreadStatus& status) {
    return status.remark && diagnosis.remarks.at(*status.remark).says == Remark::Says::kIdle;
  };
  const auto leaves_a_doubt = [&](const ThreadStatus& status) {
    if (is_idle(status)) return false;
    return status.activity == Activity::kFutex || status.activity == Activity::kUnknown ||
           status.activity == Activity::kUninterruptible;
  };
  // A semaphore is waited for by idle threads too, and an atomic without a name may be one: who is
  // to act is known of neither.
  const auto may_be_held_up = [&](const Wait& wait) {
    if (is_parked(diagnosis, wait.thread)) return false;
    const Resource& resource = diagnosis.resources[wait.resource];
    const bool nameless_atomic =
        resource.kind == ResourceKind::kAtomic && wait.recognised_by == RecognisedBy::kRegisters;
    return is_lock(resource.kind) || nameless_atomic || resource.parties ||
           resource.kind == ResourceKind::kFuture;
  };
  const auto may_be_held_up_in_kernel = [&](const ThreadStatus& status) {
    return status.kernel_wait && !is_idle(status) &&
           is_no_idle_act(diagnosis.kernel_waits.at(*status.kernel_wait).subject.act);
  };
  return !(!labels_.report().snapshot.kernel.frozen_group.empty() || diagnosis.moved > 0 ||
           std::ranges::any_of(diagnosis.remarks, asks) ||
           std::ranges::any_of(diagnosis.waits, may_be_held_up) ||
           std::ranges::any_of(diagnosis.threads, leaves_a_doubt) ||
           std::ranges::any_of(diagnosis.threads, may_be_held_up_in_kernel) ||
           std::ranges::any_of(diagnosis.kernel_waits, [&](const KernelWait& wait) {
             return waits_for_doubtful_child(wait);
           }));
}

/// A parent is no calmer than the child that it waits for, which was seen from outside only.
bool Sentences::waits_for_doubtful_child(const KernelWait& wait) const {
  const bool for_child = wait.subject.act == CallAct::kChild || wait.subject.act == CallAct::kVfork;
  if (detail_ == Detail::kOwn || !for_child) return false;
  return std::ranges::any_of(labels_.report().neighbours, [&](const Report* neighbour) {
    if (!std::ranges::binary_search(wait.processes, neighbour->snapshot.process.pid)) return false;
    return !neighbour->diagnosis.findings.empty() ||
           !Sentences(*neighbour, ink_, Detail::kOwn).is_surely_calm();
  });
}

std::string Sentences::deadlock(const Finding& finding) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  const Cycle& cycle = diagnosis.cycles.at(finding.cycle.value_or(0));
  const std::string_view likely = finding.evidence == Evidence::kInferred ? "likely " : "";
  if (cycle.waits.size() > 1) {
    const bool circle = cycle.ring && cycle.waits.size() > 2;
    return fmt::format("{} threads {}wait {}", cycle.waits.size(), likely,
                       circle ? "in a circle" : "for each other");
  }
  const Wait& wait = diagnosis.waits.at(cycle.waits.front());
  if (is_thread_end(diagnosis, wait.resource)) {
    return thread(wait.thread) + " waits for its own end";
  }
  const Resource& resource = diagnosis.resources.at(wait.resource);
  return fmt::format("{} waits{} {} {}, which it {}{} itself", thread(wait.thread),
                     in_handler(cycle), wait_words(wait.kind), lock(wait.resource), likely,
                     part_words(resource, wait.thread));
}

std::string Sentences::in_handler(const Cycle& cycle) const {
  const Wait& wait = labels_.report().diagnosis.waits.at(cycle.waits.front());
  const Acquisition* const taken = labels_.acquisition(labels_.held(cycle, 0));
  const auto& frames = labels_.stack(wait.thread).frames;
  if (taken == nullptr || taken->frame >= frames.size()) return {};
  const auto is_libc = [&](std::size_t frame) {
    const Location* const at = labels_.location(wait.thread, frame);
    return at != nullptr && owner_of_module(at->module) == FrameOwner::kLibc;
  };
  std::size_t frame = wait.frame.value_or(0);
  while (frame <= taken->frame && !frames[frame].interrupted) ++frame;
  if (frame > taken->frame) return {};
  // Of libc's functions the one that the program called tells most.
  while (frame < taken->frame && is_libc(frame) && is_libc(frame + 1)) ++frame;
  const Location* const interrupted = labels_.location(wait.thread, frame);
  if (interrupted == nullptr) return {};
  return fmt::format(", in a signal handler that interrupted {},",
                     ink(function_label(*interrupted, 64)));
}

std::string Sentences::stuck(const Finding& finding) const {
  if (finding.kind == FindingKind::kAllAsleep) return all_asleep(finding);
  const ResourceIndex index = finding.resource.value_or(0);
  const Resource& resource = labels_.report().diagnosis.resources.at(index);
  const Holder& holder = resource.holder;
  const std::size_t behind = finding.stuck_behind.size();
  const std::string who =
      fmt::format("{} {} stuck behind ", count_words(behind, "thread", "threads"),
                  verb_for(behind, "is", "are"));
  switch (finding.kind) {
    case FindingKind::kDeadlock:
    case FindingKind::kAllAsleep:
      break;
    case FindingKind::kOwnerExited:
      return fmt::format("{}{}: its owner {} {}", who, lock(index), owner_id_words(holder),
                         labels_.report().snapshot.core ? "is not one of the core's threads"
                                                        : "exited without unlocking it");
    case FindingKind::kForkInherited:
      return fmt::format(
          "{}{}: {} held it when this process was forked, and nobody here can unlock it{}", who,
          lock(index), elsewhere(holder), owner_now(holder));
    case FindingKind::kOwnerRecycled:
      return fmt::format("{}{}: its owner {} exited, and {}, which has that id now, started later",
                         who, lock(index), owner_id_words(holder),
                         holder.thread ? thread(*holder.thread) : "another thread");
    case FindingKind::kStalledHolder:
      if (!holder.thread) break;
      return fmt::format("{}{}, which {}{} {} and {}", who, thread(*holder.thread),
                         holder.evidence == Evidence::kInferred ? "likely " : "",
                         part_words(resource, *holder.thread), lock(index),
                         lasting_activity(*holder.thread));
  }
  return who + lock(index);
}

std::string Sentences::all_asleep(const Finding& finding) const {
  const std::size_t threads = finding.stuck_behind.size();
  const std::string fork = forked(finding);
  if (threads == 1) {
    return thread(finding.stuck_behind.front()) +
           " waits for another thread to act, and there is none" + fork;
  }
  if (threads == 2) return "both threads wait for the other one to act, and neither will" + fork;
  return fmt::format("all {} threads wait for one of them to act, and none will{}", threads, fork);
}

std::string Sentences::count() const {
  std::map<FindingKind, std::size_t> counts;
  std::size_t likely = 0;
  for (const Finding& finding : labels_.report().diagnosis.findings) {
    const bool deadlock = finding.kind == FindingKind::kDeadlock;
    if (deadlock && finding.evidence == Evidence::kInferred) {
      ++likely;
    } else {
      ++counts[finding.kind];
    }
  }
  std::vector<std::string> parts;
  for (const auto& [kind, count] : counts) parts.push_back(kind_count(kind, count));
  if (likely > 0) parts.push_back(count_words(likely, "likely deadlock", "likely deadlocks"));
  if (parts.empty()) return "no deadlock";
  return list_words(parts);
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

std::string Sentences::activity(ThreadIndex index) const {
  return sleeps_in(index) + remark(index);
}

std::string Sentences::lasting_activity(ThreadIndex index) const {
  const auto& threads = labels_.report().snapshot.threads;
  if (index >= threads.size()) return activity(index);
  const auto& not_run_for = threads[index].not_run_for;
  const bool is_long = not_run_for && *not_run_for >= kWorthTelling;
  return sleeps_in(index, is_long ? duration_words(*not_run_for) : std::string()) + remark(index);
}

std::string Sentences::sleeps_in(ThreadIndex index, std::string_view lasted) const {
  const ThreadStatus& status = labels_.status(index);
  const auto& waits = labels_.report().diagnosis.waits;
  if (status.wait && *status.wait < waits.size()) {
    const Wait& wait = waits[*status.wait];
    return fmt::format("{} {} {}", lasted.empty() ? "waits" : fmt::format("has waited {}", lasted),
                       wait_words(wait.kind), lock(wait.resource));
  }
  std::string text = in_kernel(index, 1, lasted);
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
    const Resource& link = diagnosis.resources.at(resource);
    if (shown) text += lock(resource);
    if (shown && !is_thread_end(diagnosis, resource)) text += ", " + holder(resource);
    if (!link.blocker) {
      return shown ? text : text + fmt::format(" … to {}, {}", lock(resource), holder(resource));
    }
    const std::string one_of_them =
        shown && link.partners.size() > 1 ? ", of which " + thread(*link.blocker) : "";
    const ThreadStatus& status = labels_.status(*link.blocker);
    const auto deadlock = labels_.deadlock_of(*link.blocker);
    if (!shown && (deadlock || !status.wait)) text += " … to " + thread(*link.blocker);
    if (deadlock) {
      text += one_of_them.empty() ? ", in " : one_of_them + " is in ";
      return text + deadlock_above(*deadlock);
    }
    const std::string which = one_of_them.empty() ? ", which" : one_of_them;
    if (!status.wait) return text + which + " " + lasting_activity(*link.blocker);
    const Wait& wait = diagnosis.waits.at(*status.wait);
    if (hop + 1 < kShownLocks) text += fmt::format("{} waits {} ", which, wait_words(wait.kind));
    resource = wait.resource;
  }
  return text + ", and so on in a circle that was seen to move";
}

std::string Sentences::pile_up(const PileUp& pile_up) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  const std::size_t count = pile_up.waits.size();
  const std::string who = count == 1 ? thread(diagnosis.waits.at(pile_up.waits.front()).thread)
                                     : count_words(count, "thread", "threads");
  const Wait& first = diagnosis.waits.at(pile_up.waits.front());
  const bool alike = std::ranges::all_of(
      pile_up.waits, [&](WaitIndex wait) { return diagnosis.waits.at(wait).kind == first.kind; });
  std::string text =
      fmt::format("{} {} {} {}", who, verb_for(count, "waits", "wait"),
                  wait_words(alike ? first.kind : WaitKind::kLock), chain(pile_up.resource));
  if (pile_up.victims == count) return text;
  const std::string frees = moving_it_frees(pile_up);
  if (!frees.empty()) return text + std::string(kDot) + frees;
  return fmt::format("{}{}{} in all are stuck here", text, kDot, pile_up.victims);
}

std::string Sentences::deadline(const Wait& wait) const {
  if (!wait.deadline) return {};
  const auto& remaining = wait.deadline->remaining;
  if (!remaining) return "has a timeout";
  if (remaining->count() <= 0) return "its timeout is due now";
  return "times out in " + duration_words(*remaining);
}

std::string Sentences::others() const {
  std::vector<std::pair<const ThreadGroup*, std::size_t>> kinds;
  for (const ThreadGroup& group : labels_.report().diagnosis.others) {
    auto found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) {
      return kind.first->activity == group.activity && kind.first->syscall == group.syscall &&
             kind.first->waits_for == group.waits_for && kind.first->remark == group.remark;
    });
    if (found == kinds.end()) found = kinds.insert(kinds.end(), {&group, 0});
    found->second += group.group.threads.size();
  }
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [group, count] : kinds) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", count, general_words(*group, count));
  }
  return text;
}

std::string Sentences::capture() const {
  const Snapshot& snapshot = labels_.report().snapshot;
  if (!snapshot.saved) return capture_itself();
  std::string saved = "Saved";
  if (!snapshot.saved->host.empty()) saved += " on " + printable(snapshot.saved->host);
  if (snapshot.realtime) saved += ", " + date_words(*snapshot.realtime);
  return fmt::format("{}. {}", saved, capture_itself());
}

std::string Sentences::capture_itself() const {
  const Snapshot& snapshot = labels_.report().snapshot;
  const std::string threads = count_words(snapshot.threads.size(), "thread", "threads");
  if (snapshot.core) {
    std::string end = snapshot.core->signal == 0
                          ? "the process was alive when it was written"
                          : "the process was ended by " + signal_words(snapshot.core->signal);
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
