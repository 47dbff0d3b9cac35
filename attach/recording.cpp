#include "attach/recording.h"

#include <algorithm>
#include <iterator>

namespace pstuck {
namespace {

// What an analysis reads is kilobytes a thread. A target that makes it read more is not believed.
constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;

}  // namespace

std::size_t RecordingMemory::read(Address from, std::span<std::byte> into) noexcept {
  const std::size_t size = below_.read(from, into);
  keep(from, into.first(size));
  return size;
}

void RecordingMemory::keep(Address from, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto after = kept_.upper_bound(from);
    if (after != kept_.begin()) {
      const auto& [start, kept] = *std::prev(after);
      if (from - start < kept.size()) {  // known already, as far as that goes
        const std::uint64_t known =
            std::min<std::uint64_t>(kept.size() - (from - start), bytes.size());
        bytes = bytes.subspan(known);
        from = from + known;
        continue;
      }
    }
    const std::uint64_t size = after == kept_.end()
                                   ? bytes.size()
                                   : std::min<std::uint64_t>(after->first - from, bytes.size());
    if (size_ + size > kMostBytes) return;
    size_ += size;
    kept_.emplace_hint(
        after, from, std::vector(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)));
    bytes = bytes.subspan(size);
    from = from + size;
  }
}

std::vector<SavedBytes> RecordingMemory::saved() const {
  std::vector<SavedBytes> saved;
  for (const auto& [start, bytes] : kept_) {
    if (!saved.empty() && saved.back().start + saved.back().bytes.size() == start) {
      saved.back().bytes.insert(saved.back().bytes.end(), bytes.begin(), bytes.end());
    } else {
      saved.push_back({start, bytes});
    }
  }
  return saved;
}

Snapshot RecordingTarget::capture(const CaptureOptions& options) {
  return recording_.captures.emplace_back(target_->capture(options));
}

std::optional<TaskElsewhere> RecordingTarget::find_task(Tid id_in_target) {
  auto task = target_->find_task(id_in_target);
  if (task) recording_.tasks.emplace(id_in_target, *task);
  return task;
}

bool RecordingTarget::read_in_parent(Address from, std::span<std::byte> into) {
  return parent_memory_.read(from, into) == into.size();
}

std::optional<Look> RecordingTarget::look_again(std::span<const Tid> threads,
                                                std::span<const Address> locks) {
  auto look = target_->look_again(threads, locks);
  if (look) recording_.looks.push_back({*look, {locks.begin(), locks.end()}});
  return look;
}

std::optional<Sample> RecordingTarget::sample(const Snapshot& snapshot,
                                              const SampleRequest& request) {
  auto sample = target_->sample(snapshot, request);
  if (sample) recording_.samples.push_back(*sample);
  return sample;
}

Recording RecordingTarget::recording() const {
  Recording recording = recording_;
  recording.memory = memory_.saved();
  recording.parent_memory = parent_memory_.saved();
  return recording;
}

}  // namespace pstuck
