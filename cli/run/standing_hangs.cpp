#include "cli/run/standing_hangs.h"

#include <algorithm>

namespace pstuck {

StandingHangs::Key StandingHangs::key_of(const Report& report, const Finding& finding) {
  Key key{.kind = finding.kind};
  const Diagnosis& diagnosis = report.diagnosis;
  const auto add = [&](ThreadIndex thread) {
    key.threads.emplace_back(report.snapshot.process.pid, report.snapshot.threads.at(thread).tid);
  };
  if (finding.cycle) {
    for (const WaitIndex wait : diagnosis.cycles.at(*finding.cycle).waits) {
      add(diagnosis.waits.at(wait).thread);
    }
  } else if (finding.resource) {
    const Resource& resource = diagnosis.resources.at(*finding.resource);
    key.lock = resource.address.value;
    if (resource.holder.thread) add(*resource.holder.thread);
  }
  if (key.threads.empty()) key.threads.emplace_back(report.snapshot.process.pid, Tid{});
  std::ranges::sort(key.threads);
  return key;
}

StandingHangs::Key StandingHangs::key_of(const Reports& reports, const CrossCycle& cycle) {
  Key key;
  for (const ThreadRef& member : cycle.members) {
    const Snapshot& snapshot = reports.process(member.process).snapshot;
    key.threads.emplace_back(snapshot.process.pid, snapshot.threads.at(member.thread).tid);
  }
  std::ranges::sort(key.threads);
  return key;
}

bool StandingHangs::take(const Reports& reports, Clock::time_point now) {
  std::map<Key, Standing> seen;
  const auto add = [&](const Key& key, std::optional<std::chrono::nanoseconds> since) {
    const auto before = standing_.find(key);
    // Threads that have not run for an hour have been in it for an hour.
    const Standing begins{.since = now - since.value_or(std::chrono::nanoseconds(0))};
    seen.emplace(key, before == standing_.end() ? begins : before->second);
  };
  for (const Report& report : reports.targets) {
    for (const Finding& finding : report.diagnosis.findings) {
      add(key_of(report, finding), finding.since);
    }
  }
  for (const CrossCycle& cycle : reports.across.cycles) add(key_of(reports, cycle), cycle.since);
  standing_ = std::move(seen);
  return std::ranges::any_of(standing_, [&](const auto& entry) {
    return !entry.second.told && now - entry.second.since >= limit_;
  });
}

void StandingHangs::set_told() {
  for (auto& [key, standing] : standing_) standing.told = true;
}

}  // namespace pstuck
