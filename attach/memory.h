#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "attach/snapshot.h"

namespace pstuck {

/// From `start` up to, but not at, `end`.
struct AddressRange {
  Address start;
  Address end;

  [[nodiscard]] constexpr std::uint64_t size() const { return end > start ? end - start : 0; }
  friend constexpr bool operator==(const AddressRange&, const AddressRange&) = default;
};

/// What of a range of addresses is in memory.
struct PresentMemory {
  std::vector<AddressRange> ranges;  ///< ascending, not overlapping
  std::uint64_t swapped = 0;         ///< bytes that are swapped out: not in `ranges`
};

/// The one way to a target's bytes, the same for live processes and cores.
class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  virtual ~Memory() = default;

  /// Copies the bytes at `from`; returns how many leading bytes could be read. Never throws.
  virtual std::size_t read(Address from, std::span<std::byte> into) noexcept = 0;

  /// The same for bytes that are only searched, and read again where something is found. A
  /// recording keeps none of them, and a saved snapshot gives zeros for those it does not have.
  virtual std::size_t search(Address from, std::span<std::byte> into) noexcept {
    return read(from, into);
  }

  /// The parts that are worth reading: those that hold something, and that reading does not have to
  /// bring into the target's memory first.
  virtual PresentMemory find_present(AddressRange range) { return {.ranges = {range}}; }

  /// Up to a NUL within 4096 bytes; empty when there is none, or the bytes cannot be read.
  [[nodiscard]] std::string read_text(Address from);

  /// A whole object or nothing.
  template <typename T>
  [[nodiscard]] std::optional<T> read_object(Address from) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    std::array<std::byte, sizeof(T)> bytes;
    if (read(from, bytes) != bytes.size()) return std::nullopt;
    T object;
    std::memcpy(&object, bytes.data(), sizeof(T));
    return object;
  }
};

/// A snapshot's captured stacks, and below them the target's own memory.
/// Both must outlive it; the snapshot's threads must not change meanwhile.
class SnapshotMemory final : public Memory {
 public:
  SnapshotMemory(const Snapshot& snapshot, Memory& below);
  /// From now on it has the captured stacks of these threads and no others; they must outlive it.
  void show_stacks_of(std::span<const ThreadSnapshot> threads);
  std::size_t read(Address from, std::span<std::byte> into) noexcept override {
    return read_through(from, into, &Memory::read);
  }
  std::size_t search(Address from, std::span<std::byte> into) noexcept override {
    return read_through(from, into, &Memory::search);
  }
  PresentMemory find_present(AddressRange range) override { return below_.find_present(range); }

 private:
  using Way = std::size_t (Memory::*)(Address, std::span<std::byte>) noexcept;

  std::size_t read_through(Address from, std::span<std::byte> into, Way below) noexcept;
  [[nodiscard]] const CapturedStack* find_stack(Address at) const noexcept;

  std::vector<const CapturedStack*> stacks_;  // ascending by start
  const CapturedStack* last_ = nullptr;       // unwinding reads one stack for a long time
  Memory& below_;
};

}  // namespace pstuck
