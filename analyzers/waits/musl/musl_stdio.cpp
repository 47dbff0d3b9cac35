// The lock of a FILE of musl (src/stdio/__lockfile.c, src/internal/stdio_impl.h):
//
//     FILE ──▶ +64  read   +72  write   +80  seek     functions
//              +120 fd
//              +140 lock   the futex word: the owner's tid; 0x40000000 somebody may wait

#include "analyzers/waits/musl/musl_waits.h"
#include "attach/mappings.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kLockOffset = 140;
constexpr std::uint64_t kSeekOffset = 80;
constexpr std::uint32_t kMaybeWaiters = 0x40000000;

bool is_surely_a_file(const FutexSleeper& sleeper, Address file) {
  const auto seek = sleeper.locks.memory().read_object<Address>(file + kSeekOffset);
  const Mapping* code = seek ? find_mapping(sleeper.snapshot, *seek) : nullptr;
  return code != nullptr && code->executable;
}

}  // namespace

std::optional<RecognisedWait> recognise_musl_stdio(const FutexSleeper& sleeper) {
  const FutexCall& call = sleeper.call;
  const MuslPrimitive primitive = find_musl_primitive(sleeper);
  if (primitive != MuslPrimitive::kStdio && primitive != MuslPrimitive::kUnnamed) {
    return std::nullopt;
  }
  const std::uint32_t expected = call.value & ~kMaybeWaiters;
  const Address file = call.word - kLockOffset;
  if (!is_musl_wait(call, true) || (call.value & kMaybeWaiters) == 0 || expected == 0 ||
      expected > kLastTid || file.value % 8 != 0 || !is_surely_a_file(sleeper, file)) {
    return std::nullopt;
  }
  const auto lock = sleeper.locks.memory().read_object<std::uint32_t>(call.word);
  if (!lock) return std::nullopt;
  const Tid owner{static_cast<std::int32_t>(*lock & ~kMaybeWaiters)};
  const bool held = *lock == call.value;
  if (primitive == MuslPrimitive::kUnnamed && (!held || !sleeper.ids.find(owner))) {
    return std::nullopt;
  }
  return RecognisedWait{.resource = {.address = call.word, .seen = bytes_seen(*lock)},
                        .by = recognised_in_musl(sleeper, primitive),
                        .owner = {held ? OwnerFate::kThread : OwnerFate::kInTransition,
                                  held ? std::optional(owner) : std::nullopt}};
}

}  // namespace pstuck
