#include "analyzers/collect_waits.h"

#include <algorithm>
#include <map>
#include <utility>

#include "analyzers/thread_status.h"
#include "analyzers/waits/deadline.h"

namespace pstuck {
namespace {

using ResourceKey = std::pair<ResourceKind, Address>;

class Collector {
 public:
  Collector(const Snapshot& snapshot, const Stacks& stacks, const ProgramFrames& frames,
            const ThreadIds& ids, const Sources& sources,
            std::span<const LockDescription> described)
      : snapshot_(snapshot),
        stacks_(stacks),
        frames_(frames),
        ids_(ids),
        program_(sources.program),
        described_(described, frames, sources.program),
        locks_(sources.memory) {}

  void look_at(ThreadIndex index) {
    const ThreadSnapshot& thread = snapshot_.threads[index];
    if (has_ended(thread)) return;
    const Stack& stack = stack_of(stacks_, index);
    const auto call = find_futex_call(thread, locks_.memory());
    if (!call) {
      if (const auto spin = recognise_spin({thread, stack, frames_, locks_})) {
        add(index, *spin).waited = std::nullopt;  // it runs all the time
      }
      return;
    }
    const NamedWait names = read_names(stack, frames_);
    const auto recognised = recognise_wait({snapshot_, thread, stack, frames_, ids_, *call, names,
                                            locks_, program_, stacks_, index, described_});
    if (!recognised) return;
    add(index, *recognised).deadline = read_deadline(*call, thread, snapshot_, locks_.memory());
  }

  CollectedWaits finish() && {
    std::map<ResourceKey, ResourceIndex> indexes;
    for (const auto& [key, wait] : by_key_) {
      indexes.emplace(key, collected_.resources.size());
      collected_.resources.push_back(wait.resource);
      collected_.owners.push_back(wait.owner);
    }
    for (WaitIndex i = 0; i < collected_.waits.size(); ++i) {
      collected_.waits[i].resource = indexes.at(keys_[i]);
    }
    count_writers();
    return std::move(collected_);
  }

 private:
  Wait& add(ThreadIndex index, const RecognisedWait& recognised) {
    keys_.emplace_back(recognised.resource.kind, recognised.resource.address);
    collected_.waits.push_back({.thread = index,
                                .kind = recognised.kind,
                                .recognised_by = recognised.by,
                                .frame = frames_.innermost(stack_of(stacks_, index)),
                                .waited = snapshot_.threads[index].not_run_for});
    by_key_.try_emplace(keys_.back(), recognised);
    return collected_.waits.back();
  }

  // A rwlock that does not put writers first counts only the first of those that wait.
  void count_writers() {
    std::map<ResourceIndex, std::uint32_t> writers;
    for (const Wait& wait : collected_.waits) {
      if (wait.kind == WaitKind::kWriteLock) ++writers[wait.resource];
    }
    for (const auto& [index, seen] : writers) {
      auto& rwlock = collected_.resources[index].rwlock;
      if (rwlock) rwlock->waiting_writers = std::max(rwlock->waiting_writers, seen);
    }
  }

  const Snapshot& snapshot_;
  const Stacks& stacks_;
  const ProgramFrames& frames_;
  const ThreadIds& ids_;
  Program& program_;
  DescribedFunctions described_;
  LockReader locks_;
  std::map<ResourceKey, RecognisedWait> by_key_;
  std::vector<ResourceKey> keys_;  // by wait
  CollectedWaits collected_;
};

}  // namespace

CollectedWaits collect_waits(const Snapshot& snapshot, const Stacks& stacks,
                             const ProgramFrames& frames, const ThreadIds& ids,
                             const Sources& sources, std::span<const LockDescription> described) {
  Collector collector(snapshot, stacks, frames, ids, sources, described);
  for (ThreadIndex i = 0; i < snapshot.threads.size(); ++i) collector.look_at(i);
  return std::move(collector).finish();
}

const Stack& stack_of(const Stacks& stacks, ThreadIndex thread) {
  static const Stack kNone;
  return thread < stacks.stacks.size() ? stacks.stacks[thread] : kNone;
}

}  // namespace pstuck
