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
//  - Code without any table. libdwfl follows the frame pointer there, which in optimised code leads
//    to some frame further out or nowhere. The walk is halted at such a frame, code_unwind.h takes
//    the step, and the walk goes on from the caller. Where the code proves nothing the frame
//    pointer is followed after all, but not in the C library, which is never built with one.
//  - A thread that was read without a stop has a stack pointer and a program counter only. Most of
//    its frames need no more; one that addresses its stack by rbp does. frame_pointer.h finds rbp
//    for it, and since no inner frame has changed rbp (else its table would have told where the
//    value is saved) the whole walk is done again with that as the thread's rbp. Where the frame's
//    first instructions are not the usual ones the step outwards is taken as from code without a
//    table.
//  - AArch64. A function that calls nothing may have no frame: its caller's stack pointer is its
//    own. Code without a table is followed by the frame pointer alone, which that machine's
//    compilers keep in every function that calls another. Where a function signs its return
//    address the walk is halted, and goes on from the same frame without the signature.

#include "symbolize/unwind.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include <array>
#include <cassert>
#include <unordered_map>
#include <utility>

#include "symbolize/code_unwind.h"
#include "symbolize/frame_pointer.h"
#include "symbolize/unwind_tables.h"

namespace pstuck {
namespace {

constexpr std::size_t kRbxIndex = 0;
constexpr std::size_t kR12Index = 2;

// Deeper than any stack of 8 MiB with frames of a hundred bytes.
constexpr std::size_t kMostFrames = 1 << 16;

// Each takes a frame away, so that the frames' number bounds nothing.
constexpr int kMostTrampolines = 256;

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

/// Which code addresses have an unwind table.
class TableCache {
 public:
  explicit TableCache(LoadedModules& modules) : modules_(modules) {}

  bool has(Address at) {
    const auto [found, is_new] = known_.try_emplace(at.value);
    if (is_new) found->second = has_unwind_row(modules_, at);
    return found->second;
  }

 private:
  LoadedModules& modules_;
  std::unordered_map<std::uint64_t, bool> known_;
};

/// Why libdwfl cannot step out of the last frame.
enum class Halt {
  kNone,
  kNoTable,  ///< for its code
  kSigned,   ///< it has the frame's address with a signature
};

/// One thread's walk: what the callbacks of libdwfl share.
struct Walk {
  const LoadedModules* modules = nullptr;
  const Registers* registers = nullptr;
  StackWindow* window = nullptr;
  std::size_t max_frames = 0;
  std::vector<Frame>* frames = nullptr;
  TableCache* tables = nullptr;
  StackEnd end = StackEnd::kNoCfi;
  std::optional<CodeAddress> start;    ///< of the first frame, where it is a return address
  bool follows_frame_pointer = false;  ///< out of the first frame, though it has no table
  Halt halt = Halt::kNone;
  bool memory_failed = false;    ///< since the last frame
  int trampolines = 0;           ///< without a table that were left
  bool is_first = true;          ///< the next frame is the walk's first
  bool left_trampoline = false;  ///< the frame before this one was a signal trampoline
};

std::optional<std::uint64_t> read_register(Dwfl_Frame* frame, std::size_t number) {
  Dwarf_Word value = 0;
  if (dwfl_frame_reg(frame, static_cast<unsigned>(number), &value) != 0) return {};
  return value;
}

std::array<std::optional<std::uint64_t>, 6> read_callee_saved(Dwfl_Frame* state, Machine machine,
                                                              const Frame* inner) {
  std::array<std::optional<std::uint64_t>, 6> values;
  const RegisterRoles roles = roles_of(machine);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = read_register(state, roles.callee_saved[i]);
  }
  const bool may_lack_rbx = machine == Machine::kX86_64 && values[kR12Index];
  if (!values[kRbxIndex] && inner && may_lack_rbx) {
    values[kRbxIndex] = inner->callee_saved[kRbxIndex];
  }
  return values;
}

/// The stack pointer never comes back, but a signal may have been handled on another stack.
bool makes_progress(const Walk& walk, std::optional<Address> sp) {
  const Frame& inner = walk.frames->back();
  if (walk.left_trampoline || !sp || !inner.sp) return true;
  const bool may_have_no_frame = walk.modules->machine() == Machine::kAArch64 &&
                                 (walk.frames->size() == 1 || inner.interrupted);
  return *sp > *inner.sp || (may_have_no_frame && *sp == *inner.sp);
}

/// Why the walk must stop before this frame, if it must.
std::optional<StackEnd> find_obstacle(const Walk& walk, CodeAddress pc, std::optional<Address> sp) {
  const std::vector<Frame>& frames = *walk.frames;
  if (frames.empty()) return {};
  if (frames.size() >= walk.max_frames) return StackEnd::kFrameLimit;
  if (!walk.modules->is_code(pc.for_lookup())) return StackEnd::kNoCfi;
  if (!makes_progress(walk, sp)) return StackEnd::kLoop;
  return {};
}

/// Pointer authentication (Arm Architecture Reference Manual, D8.8): the upper bits of a return
/// address, which no address of user code needs, may be a signature. Which bits they are depends on
/// how the kernel was built: the address is the one that is code.
Address strip_signature(const Walk& walk, Address at) {
  if (walk.modules->machine() != Machine::kAArch64) return at;
  for (const int bits : {64, 48, 39}) {
    const Address address{at.value & (UINT64_MAX >> (64 - bits))};
    if (walk.modules->is_code(address - 1)) return address;
  }
  return at;
}

int take_frame(Dwfl_Frame* state, void* argument) noexcept {
  auto& walk = *static_cast<Walk*>(argument);
  std::vector<Frame>& frames = *walk.frames;
  walk.memory_failed = false;
  Dwarf_Addr at = 0;
  bool is_activation = false;
  // Looks one frame ahead, for which it may read memory.
  if (!dwfl_frame_pc(state, &at, &is_activation)) return DWARF_CB_ABORT;
  const bool is_first = std::exchange(walk.is_first, false);
  const bool goes_on = is_first && walk.start.has_value();
  CodeAddress pc = is_activation ? CodeAddress::instruction({at})
                                 : CodeAddress::return_address(strip_signature(walk, {at}));
  if (goes_on) pc = *walk.start;
  const auto sp_word = read_register(state, roles_of(walk.modules->machine()).stack_pointer);
  const auto sp = sp_word ? std::optional(Address{*sp_word}) : std::nullopt;
  if (const auto obstacle = find_obstacle(walk, pc, sp)) {
    walk.end = *obstacle;
    return DWARF_CB_ABORT;
  }
  if (!frames.empty() && is_activation && !walk.left_trampoline && !goes_on) {
    walk.left_trampoline = true;
    return DWARF_CB_OK;
  }
  Frame frame{.pc = pc, .sp = sp, .interrupted = walk.left_trampoline};
  frame.callee_saved =
      read_callee_saved(state, walk.modules->machine(), is_first ? nullptr : &frames.back());
  walk.left_trampoline = false;
  frames.push_back(frame);
  if (is_first && walk.follows_frame_pointer) return DWARF_CB_OK;
  if (!walk.tables->has(pc.for_lookup())) walk.halt = Halt::kNoTable;
  if (pc.address() != Address{at} && !goes_on) walk.halt = Halt::kSigned;
  return walk.halt == Halt::kNone ? DWARF_CB_OK : DWARF_CB_ABORT;
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
  const std::size_t pc = roles_of(registers.machine).program_counter;
  for (std::size_t i = 0; i < Registers::kCount; ++i) {
    const auto value = registers.get(i);
    // libdwfl knows it by no number on AArch64.
    if (i == pc) dwfl_thread_state_register_pc(thread, value.value_or(0));
    if (!value || i == pc) continue;
    if (!dwfl_thread_state_registers(thread, static_cast<int>(i), 1, &*value)) return false;
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
  const std::size_t frame_pointer =
      roles_of(walk.modules->machine()).callee_saved[kFramePointerIndex];
  const bool needs_it = !row || (row->base && row->base->dwarf_register == frame_pointer);
  const bool lost_base = needs_it && !last.callee_saved[kFramePointerIndex];
  return lost_base ? StackEnd::kNoCfi : StackEnd::kRoot;
}

Registers to_registers(Machine machine, CodeAddress pc, Address sp,
                       const std::array<std::optional<std::uint64_t>, 6>& callee_saved) {
  Registers registers{.machine = machine};
  const RegisterRoles roles = roles_of(machine);
  registers.set(roles.program_counter, pc.for_lookup().value);
  registers.set(roles.stack_pointer, sp.value);
  for (std::size_t i = 0; i < callee_saved.size(); ++i) {
    if (callee_saved[i]) registers.set(roles.callee_saved[i], *callee_saved[i]);
  }
  return registers;
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
Elf64_Ehdr machine_header(Machine machine) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_CORE;
  header.e_machine = machine == Machine::kAArch64 ? EM_AARCH64 : EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof(header);
  return header;
}

}  // namespace

class Unwinder::Impl {
 public:
  Impl(LoadedModules& modules, Memory& memory, std::size_t max_frames);
  ~Impl() { elf_end(machine_file_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Stack unwind(const ThreadSnapshot& thread);

 private:
  /// `start`: the walk goes on there, from the frames that there are.
  StackEnd walk_from(const Registers& from, std::optional<CodeAddress> start = {});
  std::optional<StackEnd> walk_on_by_code();
  StackEnd walk_on(Walk& walk);
  std::optional<StackEnd> step_out(Walk& walk, Registers& registers);

  LoadedModules& modules_;
  Memory& memory_;
  StackWindow window_;
  TableCache tables_;
  CodeUnwinder code_unwinder_;
  std::size_t max_frames_;
  std::vector<Frame> frames_;  // of the last walk
  Current current_;
  Elf64_Ehdr header_;
  Elf* machine_file_ = nullptr;
};

Unwinder::Impl::Impl(LoadedModules& modules, Memory& memory, std::size_t max_frames)
    : modules_(modules),
      memory_(memory),
      window_(memory),
      tables_(modules),
      code_unwinder_(modules, memory),
      max_frames_(max_frames == 0 ? kMostFrames : std::min(max_frames, kMostFrames)),
      header_(machine_header(modules.machine())) {
  machine_file_ = elf_memory(std::bit_cast<char*>(&header_), sizeof(header_));
  assert(machine_file_);
  [[maybe_unused]] const bool attached =
      dwfl_attach_state(modules_.session(), machine_file_, 1, &kCallbacks, &current_);
  assert(attached);
}

StackEnd Unwinder::Impl::walk_on(Walk& walk) {
  current_.walk = &walk;
  const int result = dwfl_getthread_frames(modules_.session(), 1, take_frame, &walk);
  current_.walk = nullptr;
  if (result == 0) return find_end(modules_, walk);
  return result < 0 ? StackEnd::kNoCfi : walk.end;
}

/// From the last frame to the one that `registers` and the next walk begin with; else why not.
std::optional<StackEnd> Unwinder::Impl::step_out(Walk& walk, Registers& registers) {
  const Frame last = frames_.back();
  const auto module = modules_.find(last.pc.for_lookup());
  const bool lacks_table = walk.halt == Halt::kNoTable;
  const auto caller = module && lacks_table ? code_unwinder_.find_caller(last) : std::nullopt;
  if (caller && caller->is_root) return StackEnd::kRoot;
  walk.left_trampoline = caller && caller->interrupted;
  walk.follows_frame_pointer = lacks_table && !caller;
  if (caller) {
    if (caller->interrupted) {
      if (++walk.trampolines > kMostTrampolines) return StackEnd::kLoop;
      frames_.pop_back();
    }
    walk.start = caller->interrupted ? CodeAddress::instruction(caller->return_address)
                                     : CodeAddress::return_address(caller->return_address);
    registers = to_registers(modules_.machine(), *walk.start, caller->sp, caller->callee_saved);
    return {};
  }
  const bool in_libc = module && modules_.is_c_library(*module);
  if (!last.sp || (lacks_table && in_libc)) return StackEnd::kNoCfi;
  registers = to_registers(modules_.machine(), last.pc, *last.sp, last.callee_saved);
  walk.start = last.pc;
  frames_.pop_back();
  return {};
}

StackEnd Unwinder::Impl::walk_from(const Registers& from, std::optional<CodeAddress> start) {
  window_.forget();
  if (!start) frames_.clear();
  Registers registers = from;
  Walk walk{.modules = &modules_,
            .registers = &registers,
            .window = &window_,
            .max_frames = max_frames_,
            .frames = &frames_,
            .tables = &tables_,
            .start = start};
  while (true) {
    const StackEnd end = walk_on(walk);
    if (walk.halt == Halt::kNone) return end;
    if (const auto why = step_out(walk, registers)) return *why;
    walk.halt = Halt::kNone;
    walk.is_first = true;
    walk.end = StackEnd::kNoCfi;
  }
}

/// Outwards from a last frame whose base is not known; none where its code proves nothing.
std::optional<StackEnd> Unwinder::Impl::walk_on_by_code() {
  const auto caller = code_unwinder_.find_caller(frames_.back());
  if (!caller || caller->interrupted) return {};
  if (caller->is_root) return StackEnd::kRoot;
  const auto start = CodeAddress::return_address(caller->return_address);
  return walk_from(to_registers(modules_.machine(), start, caller->sp, caller->callee_saved),
                   start);
}

Stack Unwinder::Impl::unwind(const ThreadSnapshot& thread) {
  Registers registers = thread.registers;
  const std::size_t frame_pointer = roles_of(modules_.machine()).callee_saved[kFramePointerIndex];
  if (!registers.stack_pointer() || !registers.program_counter()) return {};
  StackEnd end = walk_from(registers);
  const auto lost_base = [&] {
    return end == StackEnd::kNoCfi && !frames_.empty() &&
           !frames_.back().callee_saved[kFramePointerIndex];
  };
  if (!registers.get(frame_pointer) && lost_base()) {
    if (const auto found = find_frame_pointer(modules_, memory_, frames_.back())) {
      registers.set(frame_pointer, found->value);
      end = walk_from(registers);
    }
  }
  while (lost_base()) {
    const auto further = walk_on_by_code();
    if (!further) break;
    end = *further;
  }
  return {.frames = {frames_.begin(), frames_.end()}, .end = end};
}

Unwinder::Unwinder(LoadedModules& modules, Memory& memory, std::size_t max_frames)
    : impl_(std::make_unique<Impl>(modules, memory, max_frames)) {}

Unwinder::~Unwinder() = default;

Stack Unwinder::unwind(const ThreadSnapshot& thread) { return impl_->unwind(thread); }

}  // namespace pstuck
