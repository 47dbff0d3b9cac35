#pragma once

/// Targets put together by hand, in sentences:
///
///     SnapshotBuilder target;
///     target.mutex("A").owned_by(101);
///     target.thread(102).waits_for("A").asleep_for(20s);
///     EXPECT_EQ(target.story(), "A held by 101: 102");

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analyzers/confirm.h"
#include "analyzers/diagnose.h"
#include "analyzers/waits/mutex_layout.h"

namespace pstuck::testing {

/// Of regions that lie over each other the one that begins last counts.
class FakeMemory final : public Memory {
 public:
  std::size_t read(Address from, std::span<std::byte> into) noexcept override;

  void put(Address at, std::span<const std::byte> bytes);
  void put(Address at, std::initializer_list<unsigned> bytes);
  /// Code that ends there with these bytes, and 32 bytes in all.
  void put_code_before(Address end, std::initializer_list<unsigned> bytes);
  template <typename T>
  void put_object(Address at, const T& object) {
    put(at, std::as_bytes(std::span(&object, 1)));
  }
  void forget(Address at) { regions_.erase(at); }
  void put_zeros(AddressRange range) { zeros_.push_back(range); }  ///< below all regions
  PresentMemory find_present(AddressRange range) override;

  std::vector<AddressRange> swapped;         ///< all else is present
  std::function<void(Address)> before_read;  ///< may change the bytes; may be empty

 private:
  [[nodiscard]] std::span<const std::byte> bytes_at(Address at) const;

  std::map<Address, std::vector<std::byte>> regions_;
  std::vector<AddressRange> zeros_;
};

class FakeProgram final : public Program {
 public:
  std::optional<DataSymbol> find_data_symbol(Address at) override;
  std::optional<Address> find_libc_variable(std::string_view name) override;
  std::optional<AddressRange> find_variable(std::string_view name) override;
  std::optional<ElementField> find_element_member(Address variable, std::string_view path) override;
  std::optional<FieldPlace> find_member(const CodeAddress& code, std::string_view class_name,
                                        std::string_view path) override;
  std::vector<VariableHit> find_variables(const Stacks& stacks,
                                          std::span<const Address> locks) override;
  std::optional<ObjectClass> find_object_class(Address at) override;
  std::optional<std::string> find_virtual_class(Address object) override;
  std::vector<ObjectUse> find_uses(const Stacks& stacks, std::span<const Address> objects) override;
  std::vector<LockingCall> find_locking_calls(const Stacks& stacks, std::size_t thread,
                                              Address lock) override;
  std::string find_called_function(const CodeAddress& pc) override;
  std::optional<std::uint64_t> find_argument(const Stacks& stacks, std::size_t thread,
                                             std::size_t frame, std::size_t number) override;

  std::vector<std::pair<Address, DataSymbol>> symbols;
  std::map<std::string, Address, std::less<>> libc_variables;
  std::map<std::string, AddressRange, std::less<>> own_variables;
  std::map<std::string, ElementField, std::less<>> element_members;  // by path
  std::map<std::string, FieldPlace, std::less<>> members;            // by "Type::path"
  std::vector<VariableHit> variables;
  std::vector<std::pair<Address, ObjectClass>> classes;
  std::map<Address, std::string> virtual_classes;
  std::vector<ObjectUse> uses;
  std::map<std::pair<std::size_t, Address>, std::vector<LockingCall>> locking_calls;
  std::map<Address, std::string> called_functions;                         // by pc
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> arguments;  // by frame and number
};

class FakeTasks final : public TaskFinder {
 public:
  std::optional<TaskElsewhere> find_task(Tid id_in_target) override;
  bool read_in_parent(Address from, std::span<std::byte> into) override {
    return parent_memory.read(from, into) == into.size();
  }
  std::map<Tid, TaskElsewhere> tasks;
  FakeMemory parent_memory;
};

class FakeMutex {
 public:
  FakeMutex(std::string name, Address address) : name_(std::move(name)), address_(address) {}

  FakeMutex& owned_by(std::int32_t id_in_target);
  FakeMutex& of_kind(std::uint32_t kind);  ///< the bits of glibc: 1 recursive, 0x10 robust …
  FakeMutex& locked_times(std::uint32_t count);
  FakeMutex& with_bytes(const MutexBytes& bytes);  ///< instead of what the rest would give
  FakeMutex& with_lock_word(std::uint32_t lock);
  FakeMutex& unreadable();
  FakeMutex& named_by_symbol();
  FakeMutex& at(Address address);  ///< before anybody asks where it is

 private:
  friend class SnapshotBuilder;
  [[nodiscard]] MutexBytes bytes() const;
  [[nodiscard]] std::uint32_t lock_word() const;

  std::string name_;
  Address address_;
  std::uint32_t kind_ = 0;
  std::int32_t owner_ = 0;
  std::optional<std::uint32_t> count_;
  std::optional<std::uint32_t> lock_;
  std::optional<MutexBytes> bytes_;
  bool wanted_ = false;
  bool readable_ = true;
  bool has_symbol_ = false;
};

/// One frame as a test writes it: "Cache::get" of the program, "libc.so.6:pthread_mutex_lock".
using FakeFrames = std::vector<std::string>;

class FakeThread {
 public:
  /// Sleeps in pthread_mutex_lock, as the kind of the mutex makes it.
  FakeThread& waits_for(const std::string& mutex);
  FakeThread& waits_for_until(const std::string& mutex, std::chrono::nanoseconds at);
  FakeThread& joins(std::int32_t tid);
  FakeThread& whose_word_is(std::uint32_t word);  ///< the joined thread's tid field
  FakeThread& in_futex(Address word, std::uint64_t operation, std::uint64_t value,
                       Address timeout = {});
  FakeThread& in_call(std::int64_t number);
  FakeThread& runs();
  FakeThread& in(SyscallState state);
  FakeThread& returned();   ///< from the call that was set before
  FakeThread& restarted();  ///< the call shows as restart_syscall
  FakeThread& asleep_for(std::chrono::nanoseconds time);
  FakeThread& aged(std::chrono::nanoseconds time);
  FakeThread& in_state(char state);
  FakeThread& called_in_target(std::int32_t id);
  FakeThread& with_stack(FakeFrames frames);
  FakeThread& below(FakeFrames program_frames);  ///< the usual libc frames, under these
  FakeThread& calling(std::string library_call);
  FakeThread& without_names();            ///< no function name anywhere, no call site
  FakeThread& at_code(Address code_end);  ///< its program counter
  FakeThread& with_register(std::size_t dwarf_number, std::uint64_t value);
  FakeThread& with_thread_pointer(Address at);
  FakeThread& with_stack_words(Address sp, const std::vector<std::uint64_t>& words);
  /// Its innermost cleanup handler has this argument.
  FakeThread& leaving(std::uint64_t argument);
  FakeThread& keeping(std::uint64_t value);  ///< in a callee-saved register of an outer frame
  FakeThread& called_at(Address sp);         ///< the outermost frame's stack pointer

 private:
  friend class SnapshotBuilder;
  explicit FakeThread(std::int32_t tid) : tid_(tid) {}

  std::int32_t tid_;
  ThreadSnapshot facts_;
  std::string mutex_;
  std::optional<std::chrono::nanoseconds> deadline_;
  std::optional<std::int32_t> joined_;
  std::optional<std::uint32_t> joined_word_;
  bool restarted_ = false;
  std::optional<FakeFrames> frames_;
  FakeFrames program_frames_ = {"work", "worker_main"};
  std::string library_call_;
  std::optional<std::uint64_t> kept_;
  std::optional<Address> called_at_;
  std::optional<std::uint64_t> left_;
};

class SnapshotBuilder {
 public:
  /// Where code that sleeps ends: libc's own, and the function syscall().
  static constexpr Address kLibcWait{0x7f0000001000};
  static constexpr Address kSyscallFunction{0x7f0000002000};

  SnapshotBuilder();

  /// Made when first mentioned, as threads are.
  FakeMutex& mutex(const std::string& name);
  FakeThread& thread(std::int32_t tid);
  Address address_of(const std::string& mutex) { return this->mutex(mutex).address_; }

  FakeTasks& tasks() { return tasks_; }
  FakeMemory& memory() { return memory_; }
  FakeProgram& program() { return program_; }
  DiagnoseOptions& options() { return options_; }
  /// Writable memory, all zero, with what else is put there.
  Mapping& maps(Address start, std::uint64_t size);
  Snapshot& facts() { return facts_; }  ///< of the process: kind, modules, clocks

  /// Also checks the invariants; their violations are thrown.
  const Diagnosis& diagnose();

  /// What the second look sees when nobody has moved; to be changed as the test needs it.
  Look look(std::chrono::nanoseconds at);
  /// Holds the last diagnosis against two looks.
  const Diagnosis& confirm(const Look& first, const Look& second);

  /// The findings of the last diagnosis, one a line, tids and mutex names in words.
  [[nodiscard]] std::string story() const;
  /// "101: A by variable" for each lock that is held, one a line.
  [[nodiscard]] std::string held() const;
  [[nodiscard]] const Diagnosis& diagnosis() const { return diagnosis_; }
  [[nodiscard]] const Snapshot& snapshot() const { return snapshot_; }
  [[nodiscard]] const Resource& resource(const std::string& mutex);
  [[nodiscard]] const Wait* wait_of(std::int32_t tid) const;
  /// What the thread waits for.
  [[nodiscard]] const Resource* resource_of(std::int32_t tid) const;
  [[nodiscard]] const PileUp* pile_up_on(const std::string& mutex);
  [[nodiscard]] std::vector<std::int32_t> tids(const std::vector<ThreadIndex>& threads) const;

 private:
  void build();
  void build_thread(const FakeThread& thread);
  void set_mutex_call(const FakeThread& thread, ThreadSnapshot& facts);
  void set_join_call(const FakeThread& thread, ThreadSnapshot& facts);
  Stack build_stack(const FakeThread& thread);
  std::size_t location_of(const std::string& frame);
  void check_invariants() const;
  [[nodiscard]] std::string name_of(const Resource& resource) const;
  [[nodiscard]] std::string describe(const Finding& finding) const;

  Snapshot facts_;
  std::deque<FakeMutex> mutexes_;
  std::map<std::string, FakeMutex*> mutex_by_name_;
  std::map<Address, FakeMutex*> mutex_by_address_;
  std::map<std::int32_t, FakeThread> threads_;
  FakeMemory memory_;
  FakeProgram program_;
  FakeTasks tasks_;
  DiagnoseOptions options_;
  std::map<std::string, std::size_t> locations_;
  Snapshot snapshot_;
  Stacks stacks_;
  Diagnosis diagnosis_;
};

/// "exited", "in transition" …: what a story calls a finding.
std::string word_for(OwnerFate fate);

}  // namespace pstuck::testing
