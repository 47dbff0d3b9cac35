#pragma once

#include <map>
#include <memory>
#include <vector>

#include "attach/target.h"

namespace pstuck {

/// Bytes as they were at one address.
struct SavedBytes {
  Address start;
  std::vector<std::byte> bytes;
};

/// A later look, and of which locks it is.
struct SavedLook {
  Look look;
  std::vector<Address> locks;  ///< one for each of look.locks
};

/// All that one analysis got from a target. Given to it again, it comes to the same findings.
struct Recording {
  std::vector<Snapshot> captures;  ///< the first is what was analysed; those after it, to confirm
  std::vector<SavedBytes> memory;  ///< ascending, not overlapping
  std::vector<SavedBytes> parent_memory;  ///< likewise, of Process::forked_from
  std::map<Tid, TaskElsewhere> tasks;     ///< by the id that was asked for; only those found
  std::vector<SavedLook> looks;           ///< in the order taken
  std::vector<Sample> samples;            ///< likewise
};

/// A memory that remembers what was read through it. Of bytes that were read twice the first
/// counts: it is what the findings are built on.
class RecordingMemory final : public Memory {
 public:
  explicit RecordingMemory(Memory& below) : below_(below) {}

  std::size_t read(Address from, std::span<std::byte> into) noexcept override;
  std::size_t search(Address from, std::span<std::byte> into) noexcept override {
    return below_.search(from, into);
  }
  PresentMemory find_present(AddressRange range) override { return below_.find_present(range); }

  /// Ascending, merged.
  [[nodiscard]] std::vector<SavedBytes> saved() const;

 private:
  void keep(Address from, std::span<const std::byte> bytes);

  Memory& below_;
  std::map<Address, std::vector<std::byte>> kept_;  // not overlapping
  std::uint64_t size_ = 0;
};

/// A target that remembers all that it was asked.
class RecordingTarget final : public Target {
 public:
  explicit RecordingTarget(std::unique_ptr<Target> target) : target_(std::move(target)) {}

  Snapshot capture(const CaptureOptions& options) override;
  Memory& memory() override { return memory_; }
  std::optional<TaskElsewhere> find_task(Tid id_in_target) override;
  bool read_in_parent(Address from, std::span<std::byte> into) override;
  std::optional<Look> look_again(std::span<const Tid> threads,
                                 std::span<const Address> locks) override;
  std::optional<Sample> sample(const Snapshot& snapshot, const SampleRequest& request) override;

  /// What it has remembered so far.
  [[nodiscard]] Recording recording() const;

 private:
  /// The parent's memory as a memory, to have it remembered like the target's own.
  class ParentMemory final : public Memory {
   public:
    explicit ParentMemory(TaskFinder& target) : target_(target) {}
    std::size_t read(Address from, std::span<std::byte> into) noexcept override {
      return target_.read_in_parent(from, into) ? into.size() : 0;
    }

   private:
    TaskFinder& target_;
  };

  std::unique_ptr<Target> target_;
  RecordingMemory memory_{target_->memory()};
  ParentMemory parent_{*target_};
  RecordingMemory parent_memory_{parent_};
  Recording recording_;  // without the memories
};

}  // namespace pstuck
