// A function's bytes are the target's: decoding them and following locks through them ends, and
// every state that comes out is in order.

#include <algorithm>
#include <cstdlib>

#include "attach/memory.h"
#include "symbolize/lock_flow.h"

namespace {

using namespace pstuck;

class NoMemory final : public Memory {
  std::size_t read(Address /*from*/, std::span<std::byte> /*into*/) noexcept override { return 0; }
};

void require(bool condition) {
  if (!condition) std::abort();
}

/// Calls do what their target's last bits say.
CallEffect effect_for(unsigned bits, Formulas& formulas) {
  const Formula rdi = Formulas::entry(kRdi);
  const Formula inside = formulas.load(rdi);
  switch (bits & 7) {
    case 0:
      return {.stranger = false, .takes = {{rdi}}};
    case 1:
      return {.stranger = false, .gives_back = {{rdi}}};
    case 2:
      return {.stranger = false, .tries = true, .takes = {{rdi + 8}}};
    case 3:
      return {.stranger = false, .takes = {{inside}}, .writes = {{rdi, Formulas::entry(kRsi)}}};
    case 4:
      return {.stranger = false, .gives_back = {{inside}}, .result = inside};
    default:
      return {};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr Address kStart{0x401000};
  constexpr std::size_t kMostBytes = 4096;
  const auto bytes = std::as_bytes(std::span(data, std::min(size, kMostBytes)));
  Snapshot snapshot;
  NoMemory memory;
  LoadedModules modules(snapshot, memory);
  FunctionRanges ranges(modules, memory);
  MachineCode machine_code(ranges, memory);
  const auto code = machine_code.decode_bytes({kStart, kStart + bytes.size()}, bytes);
  if (!code) return 0;
  Formulas formulas;
  std::array<CallEffect, 8> effects;
  for (unsigned i = 0; i < effects.size(); ++i) effects[i] = effect_for(i, formulas);
  std::size_t budget = 200'000;
  const auto effect_of = [&](const Instruction& call) -> const CallEffect& {
    return effects[call.target.value_or(Address{}).value & 7];
  };
  // What the function does is what one of the calls in it does, the second time.
  effects[5] = LockFlow(*code, formulas, effect_of, budget).summarise();
  LockFlow flow(*code, formulas, effect_of, budget);
  for (const Instruction& instruction : code->instructions) {
    const auto state = flow.before(instruction.at);
    if (!state) continue;
    for (const TakenLock& taken : state->taken) {
      require(std::ranges::is_sorted(taken.names));
      require(taken.call >= kStart && taken.call < kStart + bytes.size());
    }
  }
  flow.summarise();
  return 0;
}
