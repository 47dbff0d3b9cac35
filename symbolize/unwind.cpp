// Unwinding with libdwfl, on copied bytes.
//
// libdwfl asks for memory and for the first frame's registers, and hands out the frames one by one,
// innermost first. What it gets wrong or leaves open (elfutils 0.188), and what is done about it:
//
//  - rbx. Its x86-64 default rules mark register 0 (rax) as preserved over calls where rbx is
//    register 3. In every frame outside one whose unwind table does not mention rbx the register is
//    "unknown", though nobody changed it: the nearest inner frame's value still holds. Only where
//    the step outwards was made without a table, by the frame pointer alone, all is lost, r12 too.
//  - Signals. The kernel's return trampoline (__restore_rt) is a frame, marked as a signal frame.
//    It is left out here; the frame outside it was interrupted, its pc is no return address, and
//    its stack may lie anywhere.
//  - The end. libdwfl reports a return address that it could not read, or could not even look for,
//    as a clean end of the stack. It is one when the last function's table says that it has no
//    caller, or when the return address was read and is zero. Only for code without any table, and
//    no frame pointer to follow instead, it reports an error.
//  - A thread that was read without a stop has a stack pointer and a program counter only. Most of
//    its frames need no more; one that addresses its stack by rbp does. frame_pointer.h finds rbp
//    for it, and since no inner frame has changed rbp (else its table would have told where the
//    value is saved) the whole walk is done again with that as the thread's rbp.

#include "symbolize/unwind.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include <array>
#include <cassert>

#include "symbolize/frame_pointer.h"
#include "symbolize/unwind_tables.h"

namespace pstuck {
namespace {

constexpr unsigned kRbx = 3;
constexpr unsigned kRbp = 6;
constexpr unsigned kRsp = 7;
constexpr unsigned kR12 = 12;
constexpr unsigned kPc = 16;
constexpr std::array<unsigned, 6> kCalleeSaved = {kRbx, kRbp, kR12, 13, 14, 15};
constexpr std::size_t kRbxIndex = 0;
constexpr std::size_t kRbpIndex = 1;
constexpr std::size_t kR12Index = 2;

// Deeper than any stack of 8 MiB with frames of a hundred bytes.
constexpr std::size_t kMostFrames = 1 << 16;

bool knows(const Registers& registers, unsigned number) {
  return (registers.known >> number & 1) != 0;
}

/// The bytes around the last word read: words are asked for one by one, upwards.
class StackWindow {
 public:
  explicit StackWindow(Memory& memory) : memory_(memory) {}

  bool read_word(Address at, std::uint64_t& word) noexcept {
    if (at - start_ >= size_ || size_ - (at - start_) < sizeof(word)) load(at);
    if (size_ < sizeof(word)) return false;
    std::memcpy(&word, bytes_.data() + (at - start_), sizeof(word));
    return true;
  }

  void forget() noexcept { size_ = 0; }

 private:
  void load(Address at) noexcept {
    start_ = at;
    size_ = memory_.read(at, bytes_);
  }

  Memory& memory_;
  Address start_;
  std::size_t size_ = 0;
  std::array<std::byte, 1024> bytes_;
};

/// One thread's walk: what the callbacks of libdwfl share.
struct Walk {
  const LoadedModules* modules = nullptr;
  const Registers* registers = nullptr;
  StackWindow* window = nullptr;
  std::size_t max_frames = 0;
  std::vector<Frame>* frames = nullptr;
  StackEnd end = StackEnd::kNoCfi;
  bool memory_failed = false;    ///< since the last frame
  bool left_trampoline = false;  ///< the frame before this one was a signal trampoline
};

std::optional<std::uint64_t> read_register(Dwfl_Frame* frame, unsigned number) {
  Dwarf_Word value = 0;
  if (dwfl_frame_reg(frame, number, &value) != 0) return {};
  return value;
}

std::array<std::optional<std::uint64_t>, 6> read_callee_saved(Dwfl_Frame* state,
                                                              const Frame* inner) {
  std::array<std::optional<std::uint64_t>, 6> values;
  for (std::size_t i = 0; i < kCalleeSaved.size(); ++i) {
    values[i] = read_register(state, kCalleeSaved[i]);
  }
  if (!values[kRbxIndex] && inner && values[kR12Index]) {
    values[kRbxIndex] = inner->callee_saved[kRbxIndex];
  }
  return values;
}

/// Why the walk must stop before this frame, if it must.
std::optional<StackEnd> find_obstacle(const Walk& walk, CodeAddress pc, std::optional<Address> sp) {
  const std::vector<Frame>& frames = *walk.frames;
  if (frames.empty()) return {};
  if (frames.size() >= walk.max_frames) return StackEnd::kFrameLimit;
  if (!walk.modules->is_code(pc.for_lookup())) return StackEnd::kNoCfi;
  const std::optional<Address> inner = frames.back().sp;
  if (!walk.left_trampoline && sp && inner && *sp <= *inner) return StackEnd::kLoop;
  return {};
}

int take_frame(Dwfl_Frame* state, void* argument) noexcept {
  auto& walk = *static_cast<Walk*>(argument);
  std::vector<Frame>& frames = *walk.frames;
  walk.memory_failed = false;
  Dwarf_Addr at = 0;
  bool is_activation = false;
  // Looks one frame ahead, for which it may read memory.
  if (!dwfl_frame_pc(state, &at, &is_activation)) return DWARF_CB_ABORT;
  const CodeAddress pc =
      is_activation ? CodeAddress::instruction({at}) : CodeAddress::return_address({at});
  const auto sp_word = read_register(state, kRsp);
  const auto sp = sp_word ? std::optional(Address{*sp_word}) : std::nullopt;
  if (const auto obstacle = find_obstacle(walk, pc, sp)) {
    walk.end = *obstacle;
    return DWARF_CB_ABORT;
  }
  if (!frames.empty() && is_activation && !walk.left_trampoline) {
    walk.left_trampoline = true;
    return DWARF_CB_OK;
  }
  Frame frame{.pc = pc, .sp = sp, .interrupted = walk.left_trampoline};
  frame.callee_saved = read_callee_saved(state, frames.empty() ? nullptr : &frames.back());
  walk.left_trampoline = false;
  frames.push_back(frame);
  return DWARF_CB_OK;
}

pid_t next_thread(Dwfl* /*session*/, void* /*argument*/, void** /*thread_argument*/) noexcept {
  return 0;
}

bool get_thread(Dwfl* /*session*/, pid_t /*tid*/, void* argument, void** thread_argument) noexcept {
  *thread_argument = argument;
  return true;
}

/// The walk that libdwfl is busy with: its callbacks get the session's argument only.
struct Current {
  Walk* walk = nullptr;
};

bool read_memory(Dwfl* /*session*/, Dwarf_Addr at, Dwarf_Word* word, void* argument) noexcept {
  Walk& walk = *static_cast<Current*>(argument)->walk;
  if (walk.window->read_word({at}, *word)) return true;
  walk.memory_failed = true;
  return false;
}

bool set_registers(Dwfl_Thread* thread, void* argument) noexcept {
  const Registers& registers = *static_cast<Current*>(argument)->walk->registers;
  for (unsigned i = 0; i < Registers::kCount; ++i) {
    const Dwarf_Word value = registers.by_dwarf_number[i];
    if (!knows(registers, i)) continue;
    if (!dwfl_thread_state_registers(thread, static_cast<int>(i), 1, &value)) return false;
  }
  return true;
}

/// Why libdwfl found no frame behind the last one.
StackEnd find_end(LoadedModules& modules, const Walk& walk) {
  if (walk.frames->empty()) return StackEnd::kNoCfi;
  const Frame& last = walk.frames->back();
  const auto row = find_unwind_row(modules, last.pc.for_lookup());
  if (row && row->is_outermost) return StackEnd::kRoot;
  if (walk.memory_failed) return StackEnd::kMemoryMissing;
  const bool needs_rbp = !row || (row->base && row->base->dwarf_register == kRbp);
  const bool lost_base = needs_rbp && !last.callee_saved[kRbpIndex];
  return lost_base ? StackEnd::kNoCfi : StackEnd::kRoot;
}

constexpr Dwfl_Thread_Callbacks kCallbacks = {
    .next_thread = next_thread,
    .get_thread = get_thread,
    .memory_read = read_memory,
    .set_initial_registers = set_registers,
    .detach = nullptr,
    .thread_detach = nullptr,
};

/// All that libdwfl reads of it is the machine: so it need not open a module to learn that.
Elf64_Ehdr machine_header() {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_CORE;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof(header);
  return header;
}

}  // namespace

class Unwinder::Impl {
 public:
  Impl(LoadedModules& modules, Memory& memory, std::size_t max_frames);
  ~Impl() { elf_end(machine_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Stack unwind(const ThreadSnapshot& thread);

 private:
  StackEnd walk_from(const Registers& registers);

  LoadedModules& modules_;
  Memory& memory_;
  StackWindow window_;
  std::size_t max_frames_;
  std::vector<Frame> frames_;  // of the last walk
  Current current_;
  Elf64_Ehdr header_ = machine_header();
  Elf* machine_ = nullptr;
};

Unwinder::Impl::Impl(LoadedModules& modules, Memory& memory, std::size_t max_frames)
    : modules_(modules),
      memory_(memory),
      window_(memory),
      max_frames_(max_frames == 0 ? kMostFrames : std::min(max_frames, kMostFrames)) {
  machine_ = elf_memory(std::bit_cast<char*>(&header_), sizeof(header_));
  assert(machine_);
  [[maybe_unused]] const bool attached =
      dwfl_attach_state(modules_.session(), machine_, 1, &kCallbacks, &current_);
  assert(attached);
}

StackEnd Unwinder::Impl::walk_from(const Registers& registers) {
  window_.forget();
  frames_.clear();
  Walk walk{.modules = &modules_,
            .registers = &registers,
            .window = &window_,
            .max_frames = max_frames_,
            .frames = &frames_};
  current_.walk = &walk;
  const int result = dwfl_getthread_frames(modules_.session(), 1, take_frame, &walk);
  current_.walk = nullptr;
  if (result == 0) return find_end(modules_, walk);
  return result < 0 ? StackEnd::kNoCfi : walk.end;
}

Stack Unwinder::Impl::unwind(const ThreadSnapshot& thread) {
  Registers registers = thread.registers;
  if (!knows(registers, kRsp) || !knows(registers, kPc)) return {};
  StackEnd end = walk_from(registers);
  if (end == StackEnd::kNoCfi && !knows(registers, kRbp) && !frames_.empty() &&
      !frames_.back().callee_saved[kRbpIndex]) {
    if (const auto rbp = find_frame_pointer(modules_, memory_, frames_.back())) {
      registers.by_dwarf_number[kRbp] = rbp->value;
      registers.known |= 1U << kRbp;
      end = walk_from(registers);
    }
  }
  return {.frames = {frames_.begin(), frames_.end()}, .end = end};
}

Unwinder::Unwinder(LoadedModules& modules, Memory& memory, std::size_t max_frames)
    : impl_(std::make_unique<Impl>(modules, memory, max_frames)) {}

Unwinder::~Unwinder() = default;

Stack Unwinder::unwind(const ThreadSnapshot& thread) { return impl_->unwind(thread); }

}  // namespace pstuck
