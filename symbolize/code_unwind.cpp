// The caller of a frame whose code has no unwind table, as all of musl's has none.
//
// Somewhere above the stack pointer lies the return address, and what the function has pushed since
// it was called lies between:
//
//     sp ─▶ │ 0x10 bytes, by sub $0x10,%rsp   │
//           │ saved rbx        by push %rbx   │        words that look like return addresses are
//           │ saved rbp        by push %rbp   │  ◀──   here too, left by earlier calls
//           │ return address                  │
//
// So a word is believed only when all of this holds:
//
//   - it lies behind a call instruction;
//   - the code that this call leads to, followed from its first instruction along every jump, comes
//     to the frame's program counter;
//   - and on the way it has moved the stack pointer by exactly as much as the word lies above it.
//
// The first point gives the entry to follow. Where the call goes through a register the symbol
// table may give it. A tail call is a jump like any other. The pushes on the way also tell where
// the callee-saved registers of the caller are; one that the code changed without pushing it is
// lost. What happens behind an indirect jump is not followed, and a function that moves its stack
// pointer by an amount that is not in its code ends the search there: no frame is better than a
// wrong one.
//
// A signal handler returns to a trampoline that no call leads to: mov $15, %rax; syscall. What was
// interrupted the kernel has kept right above it, in a ucontext_t (asm/sigcontext.h).
//
// The first thread begins in _start, by its symbol, or where main's result is handed to exit().
// Another thread of musl begins with a call through a register in __clone; what stands behind that
// call ends the thread (src/thread/x86_64/clone.s, the same since 1.0). As that call tells no
// entry, one is looked for close before the program counter that moves the stack pointer just so.

#include "symbolize/code_unwind.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "symbolize/call_site.h"
#include "symbolize/function_ranges.h"
#include "symbolize/machine_code.h"
#include "symbolize/symbol_names.h"

namespace pstuck {
namespace {

// musl's deepest frames that wait are in getaddrinfo and printf: some kilobytes.
constexpr std::size_t kMostWords = 1024;
constexpr std::size_t kMostInstructions = 4096;
constexpr std::size_t kMostOfThreadStart = 256;
constexpr std::uint64_t kLongestThreadStart = 512;
constexpr std::uint64_t kFunctionAlignment = 16;
constexpr std::int64_t kDeepest = 1 << 20;
constexpr std::int64_t kWordSize = 8;

constexpr std::array<std::uint8_t, 6> kCalleeSaved = {kRbx, kRbp, kR12, kR13, kR14, kR15};

std::optional<std::size_t> find_callee_saved(unsigned machine_register) {
  const auto found = std::ranges::find(kCalleeSaved, machine_register);
  if (found == kCalleeSaved.end()) return {};
  return static_cast<std::size_t>(found - kCalleeSaved.begin());
}

bool is_register(const Operand& operand, unsigned number) {
  return operand.kind == Operand::Kind::kRegister && operand.base == number;
}

/// How far an instruction that is none of push, pop and call moves the stack pointer down.
std::optional<std::int64_t> moves_stack(const Instruction& instruction) {
  if (!is_register(instruction.to, kRsp)) return {};
  const Operand& from = instruction.from;
  const bool is_number = from.kind == Operand::Kind::kNumber;
  if (instruction.operation == Operation::kSubtract && is_number) return from.number;
  if (instruction.operation == Operation::kAdd && is_number) return -from.number;
  if (instruction.operation == Operation::kLoadAddress && from.kind == Operand::Kind::kMemory &&
      from.base == kRsp && from.index == kNoRegister) {
    return -from.number;
  }
  return {};
}

bool is_conditional(Operation operation) {
  return operation == Operation::kJumpIf || operation == Operation::kJumpIfZero ||
         operation == Operation::kJumpIfNotZero;
}

bool goes_on_behind(Operation operation) {
  return operation != Operation::kJump && operation != Operation::kReturn &&
         operation != Operation::kStop;
}

/// What a function has done to the stack and to the callee-saved registers when it comes to one of
/// its instructions.
struct Effect {
  std::int64_t depth = 0;  ///< of the stack pointer below the return address; kLost: not known
  /// 0: as at entry; kLost; else how far below the return address it was saved.
  std::array<std::int64_t, 6> saved{};

  friend bool operator==(const Effect&, const Effect&) = default;
};

constexpr std::int64_t kLost = -1;

bool changes(const Instruction& instruction, unsigned number) {
  if (instruction.operation == Operation::kLeave && (number == kRsp || number == kRbp)) return true;
  return (instruction.written >> number & 1U) != 0;
}

void push(const Operand& what, Effect& effect) {
  effect.depth += kWordSize;
  const bool is_word = what.kind == Operand::Kind::kRegister && what.size == kWordSize;
  const auto number = is_word ? find_callee_saved(what.base) : std::nullopt;
  if (number && effect.saved[*number] == 0) effect.saved[*number] = effect.depth;
}

void pop(const Operand& where, Effect& effect) {
  const bool is_register = where.kind == Operand::Kind::kRegister;
  if (is_register && where.base == kRsp) {
    effect.depth = kLost;
    return;
  }
  const auto number = is_register ? find_callee_saved(where.base) : std::nullopt;
  if (number) effect.saved[*number] = effect.saved[*number] == effect.depth ? 0 : kLost;
  effect.depth -= kWordSize;
}

void apply(const Instruction& instruction, Effect& effect) {
  // A call gives back what it pushed, and the callee-saved registers.
  if (instruction.operation == Operation::kCall) return;
  if (instruction.operation == Operation::kPush) return push(instruction.to, effect);
  if (instruction.operation == Operation::kPop) return pop(instruction.to, effect);
  if (const auto moved = moves_stack(instruction)) {
    effect.depth += *moved;
  } else if (changes(instruction, kRsp)) {
    effect.depth = kLost;
  }
  for (std::size_t i = 0; i < kCalleeSaved.size(); ++i) {
    if (effect.saved[i] == 0 && changes(instruction, kCalleeSaved[i])) effect.saved[i] = kLost;
  }
}

/// Where two ways to one instruction join; true when that changed what is known there.
bool merge(const Effect& other, Effect& effect) {
  const Effect before = effect;
  if (effect.depth != other.depth) effect.depth = kLost;
  for (std::size_t i = 0; i < effect.saved.size(); ++i) {
    if (effect.saved[i] != other.saved[i]) effect.saved[i] = kLost;
  }
  return effect != before;
}

}  // namespace

class CodeUnwinder::Impl {
 public:
  Impl(LoadedModules& modules, Memory& memory)
      : modules_(modules), memory_(memory), ranges_(modules, memory), code_(ranges_, memory) {}

  std::optional<CallerFrame> find_caller(const Frame& frame);

 private:
  std::optional<Effect> find_effect(Address entry, Address at);
  std::optional<Effect> follow(Address entry, Address at, std::size_t most_instructions);
  bool starts_thread(const Frame& frame, Address slot);
  std::optional<FunctionSymbol> find_symbol(Address at);
  std::optional<CallerFrame> step(const Frame& frame, const Effect& effect);
  bool begins_thread(Address return_address);
  bool begins_process(const Frame& frame);
  std::optional<CallerFrame> leave_trampoline(const Frame& frame);
  std::optional<CallerFrame> search(const Frame& frame);

  LoadedModules& modules_;
  Memory& memory_;
  FunctionRanges ranges_;
  MachineCode code_;
  std::map<std::pair<Address, Address>, std::optional<Effect>> effects_;  // by entry and place
  std::vector<std::pair<Address, std::uint64_t>> thread_starts_;          // places and depths
  std::map<Address, std::optional<FunctionSymbol>> symbols_;              // by place
};

std::optional<Effect> CodeUnwinder::Impl::follow(Address entry, Address at,
                                                 std::size_t most_instructions) {
  std::map<Address, Effect> known = {{entry, {}}};
  std::deque<Address> open = {entry};
  const auto reach = [&](Address place, const Effect& effect) {
    const auto [found, is_new] = known.try_emplace(place, effect);
    if (is_new || merge(effect, found->second)) open.push_back(place);
  };
  for (std::size_t steps = 0; !open.empty(); ++steps) {
    if (steps == most_instructions) break;
    const Address place = open.front();
    open.pop_front();
    Effect effect = known.at(place);
    if (effect.depth < 0 || effect.depth > kDeepest || !modules_.is_code(place)) continue;
    const auto instruction = code_.decode_one(place);
    if (!instruction) continue;
    apply(*instruction, effect);
    const bool jumps =
        instruction->operation == Operation::kJump || is_conditional(instruction->operation);
    if (jumps && instruction->target) reach(*instruction->target, effect);
    if (goes_on_behind(instruction->operation)) reach(instruction->end(), effect);
  }
  const auto found = known.find(at);
  if (found == known.end() || found->second.depth < 0) return {};
  return found->second;
}

std::optional<Effect> CodeUnwinder::Impl::find_effect(Address entry, Address at) {
  const auto [found, is_new] = effects_.try_emplace({entry, at});
  if (is_new) found->second = follow(entry, at, kMostInstructions);
  return found->second;
}

std::optional<FunctionSymbol> CodeUnwinder::Impl::find_symbol(Address at) {
  const auto [found, is_new] = symbols_.try_emplace(at);
  const auto module = is_new ? modules_.find(at) : std::nullopt;
  Dwfl_Module* file = module ? modules_.open(*module) : nullptr;
  if (file) {
    const auto functions = find_functions(file, std::span(&at, 1));
    found->second = functions.front();
  }
  return found->second;
}

bool CodeUnwinder::Impl::begins_thread(Address return_address) {
  // mov %eax, %edi; xor %eax, %eax; mov $60, %al; syscall
  constexpr std::array<std::uint8_t, 8> kEndOfThread = {0x89, 0xc7, 0x31, 0xc0,
                                                        0xb0, 0x3c, 0x0f, 0x05};
  return memory_.read_object<std::array<std::uint8_t, 8>>(return_address) == kEndOfThread;
}

/// Whether nothing but one function's own words lies between the frame's and the thread's first.
bool CodeUnwinder::Impl::starts_thread(const Frame& frame, Address slot) {
  const Address pc = frame.pc.address();
  const auto known = std::ranges::find(thread_starts_, std::pair(pc, slot - *frame.sp));
  if (known != thread_starts_.end()) return true;
  Address entry{pc.value / kFunctionAlignment * kFunctionAlignment};
  for (; pc - entry < kLongestThreadStart; entry = entry - kFunctionAlignment) {
    const auto effect = follow(entry, pc, kMostOfThreadStart);
    if (!effect || *frame.sp + static_cast<std::uint64_t>(effect->depth) != slot) continue;
    thread_starts_.emplace_back(pc, slot - *frame.sp);
    return true;
  }
  return false;
}

bool CodeUnwinder::Impl::begins_process(const Frame& frame) {
  const auto symbol = find_symbol(frame.pc.for_lookup());
  if (symbol && symbol->name == "_start") return true;
  const Address pc = frame.pc.address();
  constexpr std::array<std::uint8_t, 3> kHandOver = {0x89, 0xc7, 0xe8};  // mov %eax, %edi; call
  if (memory_.read_object<std::array<std::uint8_t, 3>>(pc) != kHandOver) return false;
  const auto call = decode_call_before(memory_, pc + 7);
  const auto callee = call && call->target ? find_symbol(*call->target) : std::nullopt;
  return callee && callee->name == "exit";
}

std::optional<CallerFrame> CodeUnwinder::Impl::leave_trampoline(const Frame& frame) {
  constexpr std::array<std::uint8_t, 9> kTrampoline = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
  if (memory_.read_object<std::array<std::uint8_t, 9>>(frame.pc.address()) != kTrampoline) {
    return {};
  }
  struct Context {
    std::uint64_t before[5];
    std::uint64_t r8_to_r11[4];
    std::uint64_t r12_to_r15[4];
    std::uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx;
    Address rsp;
    Address rip;
  };
  const auto context = memory_.read_object<Context>(*frame.sp);
  if (!context) return {};
  const auto& last = context->r12_to_r15;
  return CallerFrame{
      .return_address = context->rip,
      .sp = context->rsp,
      .callee_saved = {context->rbx, context->rbp, last[0], last[1], last[2], last[3]},
      .interrupted = true};
}

/// None where the word above what the function has pushed is no return address.
std::optional<CallerFrame> CodeUnwinder::Impl::step(const Frame& frame, const Effect& effect) {
  const Address slot = *frame.sp + static_cast<std::uint64_t>(effect.depth);
  const auto word = memory_.read_object<Address>(slot);
  if (!word || !modules_.is_code(*word - 1) || !decode_call_before(memory_, *word)) return {};
  CallerFrame caller{.return_address = *word, .sp = slot + kWordSize, .callee_saved = {}};
  for (std::size_t i = 0; i < effect.saved.size(); ++i) {
    if (effect.saved[i] == 0) {
      caller.callee_saved[i] = frame.callee_saved[i];
    } else if (effect.saved[i] != kLost) {
      caller.callee_saved[i] =
          memory_.read_object<std::uint64_t>(slot - static_cast<std::uint64_t>(effect.saved[i]));
    }
  }
  return caller;
}

std::optional<CallerFrame> CodeUnwinder::Impl::find_caller(const Frame& frame) {
  if (!frame.sp || !modules_.decodes_code()) return {};
  if (auto caller = leave_trampoline(frame)) return caller;
  if (auto caller = search(frame)) return caller;
  return begins_process(frame) ? std::optional(CallerFrame{.is_root = true}) : std::nullopt;
}

std::optional<CallerFrame> CodeUnwinder::Impl::search(const Frame& frame) {
  const Address pc = frame.pc.address();
  if (const auto symbol = find_symbol(frame.pc.for_lookup())) {
    const auto effect = find_effect(symbol->start, pc);
    auto caller = effect ? step(frame, *effect) : std::nullopt;
    if (caller && begins_thread(caller->return_address)) return CallerFrame{.is_root = true};
    if (caller) return caller;
  }
  for (std::size_t i = 0; i < kMostWords; ++i) {
    const Address slot = *frame.sp + i * sizeof(Address);
    const auto word = memory_.read_object<Address>(slot);
    if (!word) return {};
    if (!modules_.is_code(*word - 1)) continue;
    const auto call = decode_call_before(memory_, *word);
    if (!call) continue;
    if (begins_thread(*word)) {
      return starts_thread(frame, slot) ? std::optional(CallerFrame{.is_root = true})
                                        : std::nullopt;
    }
    const auto effect = call->target ? find_effect(*call->target, pc) : std::nullopt;
    if (effect && *frame.sp + static_cast<std::uint64_t>(effect->depth) == slot) {
      return step(frame, *effect);
    }
  }
  return {};
}

CodeUnwinder::CodeUnwinder(LoadedModules& modules, Memory& memory)
    : impl_(std::make_unique<Impl>(modules, memory)) {}

CodeUnwinder::~CodeUnwinder() = default;

std::optional<CallerFrame> CodeUnwinder::find_caller(const Frame& frame) {
  return impl_->find_caller(frame);
}

}  // namespace pstuck
