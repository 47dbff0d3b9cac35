// Whom a lock has as its owner, as a lock file says how to find out:
//
//     lock ──▶ + offset, or the member of that name   a tid, a pthread_t, or an index
//     table[index - first] ──▶ + offset or member     a tid or a pthread_t
//
// Where a member is tells debug information, of the code on the stack the innermost that has the
// class. All that is read may be anything. A value that leads to no thread is no owner; which value
// it was the report says.

#include "analyzers/waits/described_owner.h"

#include <fmt/format.h>

#include <algorithm>

#include "analyzers/waits/thread_descriptor.h"

namespace pstuck {
namespace {

using Owner = LockDescription::Owner;
using OwnerUnit = LockDescription::OwnerUnit;
using Table = LockDescription::Table;
using Gap = OwnerGap::Kind;

// That may have the debug information of the lock's class.
constexpr std::size_t kMostFrames = 24;

bool is_word_size(std::uint64_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

class OwnerReader {
 public:
  OwnerReader(const FutexSleeper& sleeper, RecognisedWait& wait) : sleeper_(sleeper), wait_(wait) {}

  void read(const Owner& owner) {
    const auto place = find_place(owner);
    if (!place) return say(Gap::kNoMember, owner.type + "::" + owner.member);
    const auto value = read_number(wait_.resource.address + place->offset, place->size);
    if (!value) return;
    if (owner.table) return read_from_table(*owner.table, *value, place->size);
    if (*value == 0) {
      wait_.owner.fate = OwnerFate::kInTransition;
    } else {
      take(*value, owner.unit, *value);
    }
  }

 private:
  [[nodiscard]] std::optional<FieldPlace> find_place(const Owner& owner) const {
    if (owner.type.empty()) return FieldPlace{owner.offset, owner.size};
    const auto& frames = sleeper_.stack.frames;
    for (std::size_t i = 0; i < std::min(kMostFrames, frames.size()); ++i) {
      if (sleeper_.frames.owner(frames[i]) != FrameOwner::kProgram) continue;
      const auto place = sleeper_.program.find_member(frames[i].pc, owner.type, owner.member);
      if (place && is_word_size(place->size)) return place;
    }
    return std::nullopt;
  }

  /// None where it could not be read; then the owner's fate is set.
  std::optional<std::uint64_t> read_number(Address at, std::uint64_t size) {
    std::uint64_t value = 0;
    const auto bytes = std::as_writable_bytes(std::span(&value, 1)).first(size);
    if (sleeper_.locks.memory().read(at, bytes) == size) return value;
    wait_.owner.fate = OwnerFate::kUnreadable;
    return std::nullopt;
  }

  void read_from_table(const Table& table, std::uint64_t index, std::uint64_t size) {
    const std::uint64_t all_ones = UINT64_MAX >> (64 - 8 * size);
    if (index == all_ones || (index == 0 && table.first > 0)) {
      wait_.owner.fate = OwnerFate::kInTransition;
      return;
    }
    const auto variable = sleeper_.program.find_variable(table.variable);
    if (!variable) return say(Gap::kNoTable, table.variable);
    const auto slot = find_slot(table, variable->start);
    if (!slot) return say(Gap::kNoMember, table.variable + "[]." + table.member);
    if (index < table.first || index - table.first >= variable->size() / slot->stride) {
      return say(Gap::kNoThread, fmt::format("{}", index));
    }
    const Address at = variable->start + (index - table.first) * slot->stride + slot->field.offset;
    if (const auto value = read_number(at, slot->field.size)) take(*value, table.unit, index);
  }

  [[nodiscard]] std::optional<ElementField> find_slot(const Table& table, Address variable) const {
    if (table.member.empty()) return ElementField{table.stride, {table.offset, table.size}};
    const auto slot = sleeper_.program.find_element_member(variable, table.member);
    const bool is_sound = slot && is_word_size(slot->field.size) &&
                          slot->field.offset < slot->stride &&
                          slot->field.size <= slot->stride - slot->field.offset;
    return is_sound ? slot : std::nullopt;
  }

  /// `recorded` is what the lock has, from which the value came.
  void take(std::uint64_t value, OwnerUnit unit, std::uint64_t recorded) {
    const auto id = unit == OwnerUnit::kPthread ? read_pthread(Address{value}) : to_tid(value);
    if (!id) return say(Gap::kNoThread, fmt::format("{}", recorded));
    wait_.owner = {OwnerFate::kThread, id};
  }

  static std::optional<Tid> to_tid(std::uint64_t value) {
    if (value == 0 || value > kLastTid) return std::nullopt;
    return Tid{static_cast<std::int32_t>(value)};
  }

  [[nodiscard]] std::optional<Tid> read_pthread(Address at) const {
    Memory& memory = sleeper_.locks.memory();
    auto id = read_thread_id(at, memory);
    if (!id && sleeper_.frames.libc() == LibcKind::kMusl && memory.read_object<Address>(at) == at) {
      id = memory.read_object<Tid>(at + kMuslDescriptorTidOffset);
    }
    return id && id->value > 0 ? id : std::nullopt;
  }

  void say(Gap kind, std::string what) {
    wait_.resource.owner_gap = OwnerGap{kind, std::move(what)};
  }

  const FutexSleeper& sleeper_;
  RecognisedWait& wait_;
};

}  // namespace

void read_described_owner(const LockDescription& lock, const FutexSleeper& sleeper,
                          RecognisedWait& wait) {
  if (lock.owner) OwnerReader(sleeper, wait).read(*lock.owner);
}

}  // namespace pstuck
