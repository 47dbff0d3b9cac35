// Registers, stacks and lock words as a hostile process could leave them: each gives a diagnosis,
// and every diagnosis keeps its promises, before and after a second look.
//
// The input is read as a row of records, 64 bytes a thread: its call, its state, how its registers
// are set, and the mutex that is put at one of eight addresses. What the bytes name is folded onto
// few threads and few locks, so that waits meet.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "analyzers/confirm.h"
#include "analyzers/diagnose.h"
#include "tests/support/diagnosis_invariants.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostThreads = 64;
constexpr std::size_t kMutexes = 8;
constexpr std::size_t kMutexStride = 64;
constexpr std::uint64_t kMutexBase = 0x600000;
constexpr std::uint64_t kStackBase = 0x700000;
constexpr std::uint64_t kCodeBase = 0x800000;
constexpr std::size_t kRegionBytes = 4096;

struct Record {
  std::uint8_t call;  // which call, and how it stands
  std::uint8_t state;
  std::uint8_t operation;
  std::uint8_t operation_flags;
  std::uint8_t word;     // which mutex, or a place on the stack
  std::uint8_t timeout;  // 0: none
  std::uint8_t names;
  std::uint8_t code;
  std::uint32_t value;
  std::uint32_t age;
  std::array<std::uint8_t, 8> registers;
  std::array<std::uint8_t, 40> mutex;
};
static_assert(sizeof(Record) == 64);

class Regions final : public Memory {
 public:
  std::size_t read(Address from, std::span<std::byte> into) noexcept override {
    for (Region& region : regions_) {
      if (from < region.start || from - region.start >= region.bytes.size()) continue;
      const std::size_t offset = from - region.start;
      const std::size_t count = std::min(into.size(), region.bytes.size() - offset);
      std::memcpy(into.data(), region.bytes.data() + offset, count);
      return count;
    }
    return 0;
  }

  void write(Address at, const void* bytes, std::size_t count) {
    for (Region& region : regions_) {
      if (at < region.start || at - region.start + count > region.bytes.size()) continue;
      std::memcpy(region.bytes.data() + (at - region.start), bytes, count);
    }
  }

 private:
  struct Region {
    Address start;
    std::array<std::byte, kRegionBytes> bytes{};
  };
  std::array<Region, 3> regions_ = {Region{{kMutexBase}}, Region{{kStackBase}},
                                    Region{{kCodeBase}}};
};

class SomeProgram final : public Program {
  std::optional<DataSymbol> find_data_symbol(Address at) override {
    return DataSymbol{.name = "g", .offset = at.value & 63, .size = 40};
  }
  std::optional<Address> find_libc_variable(std::string_view /*name*/) override {
    return Address{kMutexBase + (kMutexes - 1) * kMutexStride};
  }
  std::optional<AddressRange> find_variable(std::string_view /*name*/) override {
    return AddressRange{{kMutexBase}, {kMutexBase + kMutexes * kMutexStride}};
  }
  std::optional<ElementField> find_element_member(Address variable,
                                                  std::string_view /*path*/) override {
    return ElementField{variable.value & 63, {variable.value & 31, variable.value & 15}};
  }
  std::optional<FieldPlace> find_member(const CodeAddress& code, std::string_view /*class_name*/,
                                        std::string_view /*path*/) override {
    return FieldPlace{code.address().value & 63, 4};
  }
  std::vector<VariableHit> find_variables(const Stacks& /*stacks*/,
                                          std::span<const Address> /*locks*/) override {
    return {};
  }
  std::optional<ObjectClass> find_object_class(Address at) override {
    return ObjectClass{.name = "C", .object = at};
  }
  std::optional<std::string> find_virtual_class(Address object) override {
    if (object.value % 16 == 0) return std::nullopt;
    return "std::__future_base::_Async_state_impl<C>";
  }
  std::vector<ObjectUse> find_uses(const Stacks& stacks,
                                   std::span<const Address> objects) override {
    std::vector<ObjectUse> uses;
    for (const Address object : objects) {
      const auto bits = static_cast<std::size_t>(object.value >> 3);
      uses.push_back({.kind = static_cast<ObjectUse::Kind>(bits % 6),
                      .object = object,
                      .thread = bits % (stacks.stacks.size() + 1),
                      .frame = bits & 7,
                      .on_every_path = (bits & 8) != 0,
                      .shared = (bits & 16) != 0,
                      .returns_it = (bits & 32) != 0});
    }
    return uses;
  }
  std::vector<LockingCall> find_locking_calls(const Stacks& /*stacks*/, std::size_t /*thread*/,
                                              Address lock) override {
    return {{.frame = lock.value & 3}};
  }
  std::string find_called_function(const CodeAddress& pc) override {
    return pc.address().value % 2 == 0 ? "g_mutex_lock" : "";
  }
  std::optional<std::uint64_t> find_argument(const Stacks& /*stacks*/, std::size_t thread,
                                             std::size_t frame, std::size_t /*number*/) override {
    return kMutexBase + (thread + frame) % kMutexes * kMutexStride;
  }
};

class SomeTasks final : public TaskFinder {
  std::optional<TaskElsewhere> find_task(Tid id) override {
    if (id.value % 4 == 0) return std::nullopt;
    return TaskElsewhere{.tid = id, .process = {id.value % 3}, .in_parent = id.value % 2 == 0};
  }
};

/// One whose owner is an index, and one whose owner is a member.
std::vector<LockDescription> described_locks() {
  using Unit = LockDescription::OwnerUnit;
  const LockDescription::Table table{
      .variable = "g", .stride = 24, .offset = 4, .size = 8, .unit = Unit::kPthread, .first = 1};
  const LockDescription::Owner index{.offset = 8, .size = 1, .unit = Unit::kIndex, .table = table};
  const LockDescription::Owner member{.type = "C", .member = "m"};
  return {{.type = "Indexed", .waits_in = {"work"}, .futex_offset = 0, .owner = index},
          {.type = "C", .waits_in = {"std::mutex::lock"}, .argument = 1, .owner = member}};
}

const char* const kNames[] = {"",
                              "__lll_lock_wait",
                              "pthread_mutex_lock",
                              "malloc",
                              "pthread_cond_wait",
                              "syscall",
                              "work",
                              "std::mutex::lock()",
                              "__pthread_mutex_cond_lock",
                              "sem_wait",
                              "__pthread_clockjoin_ex",
                              "operator<<(",
                              "__cxa_guard_acquire",
                              "pthread_rwlock_timedrdlock",
                              "pthread_once",
                              "__lll_lock_wait_private",
                              "pthread_rwlock_rdlock",
                              "pthread_barrier_wait",
                              "__pthread_once_slow",
                              "fputs",
                              "_IO_link_in",
                              "setenv",
                              "pthread_spin_lock",
                              "std::latch::wait() const",
                              "std::__detail::__platform_wait<int>(int const*, int)",
                              "std::barrier<std::__empty_completion>::arrive_and_wait()",
                              "std::__atomic_futex_unsigned_base::_M_futex_wait_until(unsigned*)"};

Address word_of(const Record& record) {
  // musl's mutexes begin before their futex word, as libstdc++'s futures do.
  const std::uint64_t inside = (record.operation_flags & 6U) * 2;
  if (record.word < 128) return {kMutexBase + (record.word % kMutexes) * kMutexStride + inside};
  return {kStackBase + (record.word - 128U) * 8};
}

Syscall call_of(const Record& record) {
  constexpr std::array<std::int64_t, 8> kNumbers = {202, 202, 202, 202, 219, 219, 35, 0};
  Syscall call{.state = static_cast<SyscallState>(record.call >> 3 & 3),
               .number = kNumbers[record.call & 7]};
  const std::uint64_t operation = record.operation | (record.operation_flags & 1U) << 8;
  const std::uint64_t timeout = record.timeout == 0 ? 0 : kStackBase + record.timeout * 8U;
  call.arguments = {word_of(record).value, operation, record.value, timeout, 0, 0};
  return call;
}

class HostileTarget {
 public:
  HostileTarget(const std::uint8_t* data, std::size_t size) {
    snapshot_.process.pid = {2};
    snapshot_.monotonic = snapshot_.realtime = std::chrono::hours(1);
    add_modules(size % 3);
    add_mappings(size % 5);
    add_code();
    for (std::size_t i = 0; i < std::min(size / sizeof(Record), kMostThreads); ++i) {
      Record record;
      std::memcpy(&record, data + i * sizeof record, sizeof record);
      add_thread(record, static_cast<std::int32_t>(i) + 1);
    }
  }

  void check() {
    Diagnosis diagnosis =
        diagnose(snapshot_, stacks_, {memory_, symbols_, tasks_}, {.locks = described_locks()});
    hold_invariants(diagnosis);
    const Look first = look(diagnosis, false);
    confirm(snapshot_, first, look(diagnosis, true), diagnosis);
    hold_invariants(diagnosis);
  }

 private:
  void add_modules(std::size_t libc) {
    constexpr std::array<const char*, 2> kLibcs = {"/lib/libc.so.6", "/lib/ld-musl-x86_64.so.1"};
    if (libc < kLibcs.size()) snapshot_.modules.push_back({.path = kLibcs[libc]});
    for (const char* name : kNames) {
      stacks_.locations.push_back({.function = name, .module = "libc.so.6"});
      stacks_.locations.push_back({.function = name, .module = "app"});
    }
  }

  // Half of the mutexes are variables of a module.
  void add_mappings(std::size_t missing) {
    constexpr std::array<std::uint64_t, 3> kStarts = {kMutexBase, kStackBase, kCodeBase};
    for (std::size_t i = 0; i < kStarts.size(); ++i) {
      if (i == missing) continue;
      snapshot_.mappings.push_back({.start = {kStarts[i]},
                                    .end = {kStarts[i] + kRegionBytes},
                                    .readable = true,
                                    .writable = true});
    }
    const std::uint64_t half = kMutexes / 2 * kMutexStride;
    snapshot_.modules.push_back(
        {.start = {kMutexBase}, .end = {kMutexBase + half}, .path = "/bin/app"});
  }

  void add_code() {
    constexpr std::array<std::uint8_t, 7> kFutexCall = {0xb8, 0xca, 0, 0, 0, 0x0f, 0x05};
    memory_.write({kCodeBase + 64 - kFutexCall.size()}, kFutexCall.data(), kFutexCall.size());
    memory_.write({kCodeBase + 128 - 2}, &kFutexCall[5], 2);
    constexpr std::array<std::uint8_t, 9> kSpinLoop = {0xf3, 0x90, 0x83, 0x3f, 0,
                                                       0x7f, 0xe9, 0xeb, 0xf7};
    memory_.write({kCodeBase + 192}, kSpinLoop.data(), kSpinLoop.size());
  }

  void add_thread(const Record& record, std::int32_t tid) {
    memory_.write({kMutexBase + (record.registers[7] % kMutexes) * kMutexStride},
                  record.mutex.data(), record.mutex.size());
    if (record.state >= 128) memory_.write(word_of(record), record.mutex.data(), 40);
    ThreadSnapshot& thread = snapshot_.threads.emplace_back();
    thread.tid = thread.tid_in_target = {tid};
    thread.state = "SRDTZtX?"[record.state & 7];
    thread.syscall = call_of(record);
    thread.not_run_for = std::chrono::milliseconds(record.age);
    if ((record.age & 1) != 0) thread.age = std::chrono::milliseconds(record.age >> 3);
    add_registers(record, thread.registers);
    Stack& stack = stacks_.stacks.emplace_back();
    for (std::size_t i = 0; i < record.names % 5U; ++i) {
      stack.frames.push_back(
          {.location = (record.names + record.registers[i]) % (2 * std::size(kNames) + 2)});
      stack.frames.back().callee_saved[5] = kMutexBase + record.registers[i];
    }
    stack.library_call = kNames[record.registers[6] % std::size(kNames)];
  }

  static void add_registers(const Record& record, Registers& registers) {
    registers.known = (1U << roles_of(registers.machine).count) - 1;
    for (std::size_t i = 0; i < 6; ++i) {
      constexpr std::array<std::size_t, 6> kNumbers = {3, 6, 12, 13, 14, 15};
      registers.by_dwarf_number[kNumbers[i]] = kMutexBase + record.registers[i] * 8U;
    }
    registers.by_dwarf_number[5] = kMutexBase + record.registers[0] * 4U;
    registers.by_dwarf_number[8] = kMutexBase + record.registers[1] * 8U;
    registers.by_dwarf_number[7] = kStackBase;
    registers.by_dwarf_number[16] = kCodeBase + (record.code & 3U) * 64;
    registers.thread_pointer = Address{kStackBase + record.code};
  }

  // `movers`: some threads have moved by then.
  Look look(const Diagnosis& diagnosis, bool movers) {
    Look look{.monotonic = std::chrono::seconds(movers ? 1 : 0)};
    const ConfirmRequest request = find_what_to_confirm(snapshot_, diagnosis);
    for (const Tid tid : request.threads) {
      const ThreadSnapshot& thread = snapshot_.threads.at(static_cast<std::size_t>(tid.value) - 1);
      const bool moves = movers && thread.not_run_for->count() % 5 == 0;
      look.threads.push_back({tid, true, thread.syscall, ContextSwitches{moves ? 1U : 0U, 0}});
    }
    for (const Address lock : request.locks) {
      look.locks.push_back(memory_.read_object<std::array<std::byte, 24>>(lock));
    }
    return look;
  }

  void hold_invariants(const Diagnosis& diagnosis) const {
    const std::string broken = testing::DiagnosisInvariants(snapshot_, diagnosis).find_broken();
    if (broken.empty()) return;
    std::fputs(broken.c_str(), stderr);
    std::abort();
  }

  Snapshot snapshot_;
  Stacks stacks_;
  Regions memory_;
  SomeProgram symbols_;
  SomeTasks tasks_;
};

}  // namespace
}  // namespace pstuck

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pstuck::HostileTarget(data, size).check();
  return 0;
}
