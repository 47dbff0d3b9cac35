#include "attach/saved_target.h"

#include <algorithm>
#include <iterator>

namespace pstuck {
namespace {

class SavedMemory final : public Memory {
 public:
  explicit SavedMemory(std::vector<SavedBytes> saved) : saved_(std::move(saved)) {}

  std::size_t read(Address from, std::span<std::byte> into) noexcept override {
    const auto after = std::ranges::upper_bound(saved_, from, {}, &SavedBytes::start);
    if (after == saved_.begin()) return 0;
    const SavedBytes& piece = *std::prev(after);
    const std::uint64_t skip = from - piece.start;
    if (skip >= piece.bytes.size()) return 0;
    const std::size_t size = std::min<std::uint64_t>(piece.bytes.size() - skip, into.size());
    std::memcpy(into.data(), piece.bytes.data() + skip, size);
    return size;
  }

  std::size_t search(Address from, std::span<std::byte> into) noexcept override {
    std::ranges::fill(into, std::byte{0});
    for_each_piece({from, from + into.size()}, [&](AddressRange part) {
      read(part.start, into.subspan(part.start - from, part.size()));
    });
    return into.size();
  }

  PresentMemory find_present(AddressRange range) override {
    PresentMemory present;
    for_each_piece(range, [&](AddressRange part) { present.ranges.push_back(part); });
    return present;
  }

 private:
  /// The parts of a range that were saved, ascending.
  template <typename Visit>
  void for_each_piece(AddressRange range, Visit visit) const {
    auto piece = std::ranges::upper_bound(saved_, range.start, {}, &SavedBytes::start);
    if (piece != saved_.begin()) --piece;
    for (; piece != saved_.end() && piece->start < range.end; ++piece) {
      const AddressRange part{std::max(piece->start, range.start),
                              std::min(piece->start + piece->bytes.size(), range.end)};
      if (part.size() > 0) visit(part);
    }
  }

  std::vector<SavedBytes> saved_;  // ascending, not overlapping
};

/// The answers of one kind in the order in which they were given; the last one stays.
template <typename T>
class Replay {
 public:
  explicit Replay(std::vector<T> answers) : answers_(std::move(answers)) {}

  std::optional<T> next() {
    if (answers_.empty()) return {};
    const std::size_t now = next_;
    next_ = std::min(next_ + 1, answers_.size() - 1);
    return answers_[now];
  }

 private:
  std::vector<T> answers_;
  std::size_t next_ = 0;
};

/// What a look says of these threads and locks; none where it does not say it of them all.
std::optional<Look> find_in(const SavedLook& saved, std::span<const Tid> threads,
                            std::span<const Address> locks) {
  Look look{.monotonic = saved.look.monotonic};
  for (const Tid thread : threads) {
    const auto found = std::ranges::find(saved.look.threads, thread, &ThreadLook::tid);
    if (found == saved.look.threads.end()) return {};
    look.threads.push_back(*found);
  }
  const std::size_t known = std::min(saved.locks.size(), saved.look.locks.size());
  for (const Address lock : locks) {
    const auto found = std::find(saved.locks.begin(),
                                 saved.locks.begin() + static_cast<std::ptrdiff_t>(known), lock);
    const auto at = static_cast<std::size_t>(found - saved.locks.begin());
    if (at == known) return {};
    look.locks.push_back(saved.look.locks[at]);
  }
  return look;
}

Sample find_in(const Sample& saved, const SampleRequest& request) {
  Sample sample{.monotonic = saved.monotonic, .longest_stop = saved.longest_stop};
  for (const auto& threads : {request.captured, request.watched}) {
    for (const Tid thread : threads) {
      const auto found = std::ranges::find(saved.threads, thread, &ThreadSnapshot::tid);
      sample.threads.push_back(
          found == saved.threads.end() ? ThreadSnapshot{.tid = thread, .state = 'X'} : *found);
    }
  }
  return sample;
}

class SavedTarget final : public Target {
 public:
  SavedTarget(Recording recording, SavedFacts facts)
      : facts_(std::move(facts)),
        captures_(std::move(recording.captures)),
        memory_(std::move(recording.memory)),
        parent_memory_(std::move(recording.parent_memory)),
        tasks_(std::move(recording.tasks)),
        looks_(std::move(recording.looks)),
        samples_(std::move(recording.samples)) {}

  Snapshot capture(const CaptureOptions&) override {
    Snapshot snapshot = captures_.next().value_or(Snapshot{});
    snapshot.saved = facts_;
    return snapshot;
  }
  Memory& memory() override { return memory_; }
  std::optional<TaskElsewhere> find_task(Tid id_in_target) override {
    const auto found = tasks_.find(id_in_target);
    return found == tasks_.end() ? std::nullopt : std::optional(found->second);
  }
  bool read_in_parent(Address from, std::span<std::byte> into) override {
    return parent_memory_.read(from, into) == into.size();
  }
  std::optional<Look> look_again(std::span<const Tid> threads,
                                 std::span<const Address> locks) override {
    const auto saved = looks_.next();
    return saved ? find_in(*saved, threads, locks) : std::nullopt;
  }
  std::optional<Sample> sample(const Snapshot&, const SampleRequest& request) override {
    const auto saved = samples_.next();
    return saved ? std::optional(find_in(*saved, request)) : std::nullopt;
  }

 private:
  SavedFacts facts_;
  Replay<Snapshot> captures_;
  SavedMemory memory_;
  SavedMemory parent_memory_;
  std::map<Tid, TaskElsewhere> tasks_;
  Replay<SavedLook> looks_;
  Replay<Sample> samples_;
};

}  // namespace

std::unique_ptr<Target> open_recording(Recording recording, SavedFacts facts) {
  return std::make_unique<SavedTarget>(std::move(recording), std::move(facts));
}

}  // namespace pstuck
