#include <fmt/format.h>

#include <algorithm>

#include "analyzers/program_frames.h"
#include "cli/sentences.h"
#include "cli/wait_words.h"
#include "cli/words.h"

// What a finding rests on, and which of its edges are likely only.

namespace pstuck {
namespace {

constexpr std::string_view kDot = " · ";
constexpr std::size_t kShownEdges = 4;
constexpr std::size_t kShownModules = 5;

/// "mutex", "mutexes"; "locks" when they are of several kinds.
std::string_view word_for(const std::vector<const Resource*>& locks) {
  const bool mutexes = std::ranges::all_of(
      locks, [](const Resource* lock) { return lock->kind == ResourceKind::kMutex; });
  if (mutexes) return locks.size() == 1 ? "mutex" : "mutexes";
  return locks.size() == 1 ? "lock" : "locks";
}

/// Where an owner is recorded: in the lock, in libc's own notes about the thread, or in the call.
bool is_recorded(const Resource& resource) {
  return resource.holder.fate == OwnerFate::kThread &&
         resource.holder.evidence == Evidence::kRecorded;
}

/// How much of a deadlock is recorded, and where; empty when nothing is.
std::string recorded_in(const Diagnosis& diagnosis, const Cycle& cycle) {
  std::size_t joins = 0;
  std::vector<const Resource*> locks;
  for (const WaitIndex wait : cycle.waits) {
    const Resource& resource = diagnosis.resources.at(diagnosis.waits.at(wait).resource);
    if (!is_recorded(resource)) continue;
    if (resource.kind == ResourceKind::kThread) {
      ++joins;
    } else {
      locks.push_back(&resource);
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

/// What became of the parent's copy of a semaphore that came with a fork.
std::string in_the_parent(const Diagnosis& diagnosis, const Finding& finding) {
  for (const ThreadIndex thread : finding.stuck_behind) {
    const auto& wait = diagnosis.threads.at(thread).wait;
    if (!wait) continue;
    const auto& value = diagnosis.resources.at(diagnosis.waits.at(*wait).resource).value_in_parent;
    if (value)
      return *value == 0 ? "; the parent's own copy is taken now too"
                         : "; the parent's own copy is free now";
  }
  return {};
}

/// Those that a call from one part of the program to another passes through.
bool is_runtime(std::string_view module) {
  return module.empty() || owner_of_module(module) != FrameOwner::kProgram ||
         starts_with_any(module, {"libgcc_s", "libm.so"});
}

}  // namespace

/// "a (1) reads g_map, by its frame Router::read; …" for what no lock records.
std::string Sentences::inferred_edges(const Cycle& cycle) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  std::vector<std::string> edges;
  for (std::size_t i = 0; i < cycle.waits.size(); ++i) {
    const ResourceIndex index = diagnosis.waits.at(cycle.waits[i]).resource;
    const Resource& resource = diagnosis.resources.at(index);
    for (const Partner& partner : resource.partners) {
      if (partner.evidence == Evidence::kRecorded || partner.thread != cycle.holders.at(i))
        continue;
      std::string edge = fmt::format("{} {} {}", thread(partner.thread),
                                     part_words(resource, partner.thread), lock(index));
      if (const Location* frame = labels_.location(partner.thread, partner.frame)) {
        edge += ", by its frame " + ink(function_label(*frame, 64));
      }
      if (std::ranges::find(edges, edge) == edges.end()) edges.push_back(std::move(edge));
    }
  }
  const std::size_t all = edges.size();
  if (all > kShownEdges) {
    edges.resize(kShownEdges);
    edges.push_back(fmt::format("and {} more", all - kShownEdges));
  }
  return joined(edges, "; ");
}

std::string Sentences::evidence(const Finding& finding) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  std::string text;
  if (finding.kind == FindingKind::kAllAsleep) {
    text = "No wait has a time limit; only a signal handler or another process could end one";
    text += in_the_parent(diagnosis, finding);
  } else if (finding.cycle) {
    const Cycle& cycle = diagnosis.cycles.at(*finding.cycle);
    text = recorded_in(diagnosis, cycle);
    if (finding.evidence == Evidence::kInferred) {
      const std::string edges = inferred_edges(cycle);
      text = fmt::format("{}{}ikely, not recorded: {}", text, text.empty() ? "L" : "; l", edges);
    }
  } else {
    const ResourceIndex lock = finding.resource.value_or(0);
    const Resource& resource = diagnosis.resources.at(lock);
    text = finding.evidence == Evidence::kInferred
               ? "The holder is likely, by its stack; none is recorded"
               : fmt::format("Owner recorded in the {}", word_for({&resource}));
  }
  return fmt::format("{}{}{}.", text, kDot, proof(finding));
}

std::string Sentences::crossings(const Cycle& cycle) const {
  const Report& report = labels_.report();
  std::vector<std::string> crossings;
  for (std::size_t i = 0; i < cycle.waits.size() && i < kShownEdges; ++i) {
    const Wait& wait = report.diagnosis.waits.at(cycle.waits[i]);
    const Acquisition* const taken = labels_.acquisition(labels_.held(cycle, i));
    if (taken == nullptr || !wait.frame) continue;
    std::vector<std::string> modules;
    for (std::size_t frame = taken->frame + 1; frame-- > *wait.frame;) {
      const Location* const at = labels_.location(wait.thread, frame);
      if (at == nullptr || is_runtime(at->module)) continue;
      const std::string module = code(at->module);
      if (modules.empty() || modules.back() != module) modules.push_back(module);
    }
    if (modules.size() < 2) continue;
    if (modules.size() > kShownModules) modules.resize(kShownModules);
    crossings.push_back(thread(wait.thread) + " from " + joined(modules, " into "));
  }
  return joined(crossings, "; ");
}

}  // namespace pstuck
