#include "tests/support/snapshot_builder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <stdexcept>

#include "attach/syscalls.h"
#include "tests/support/diagnosis_invariants.h"

namespace pstuck::testing {
namespace {

constexpr std::uint32_t kRobust = 0x10;
constexpr std::uint32_t kInherit = 0x20;
constexpr std::uint32_t kProtect = 0x40;
constexpr std::uint32_t kShared = 0x80;
constexpr std::uint32_t kWaiters = 0x80000000;
constexpr std::uint32_t kCeiling = 7U << 19;

constexpr Address kFirstMutex{0x600000};
constexpr Address kFirstTimespec{0x7e0000000000};
constexpr Address kFirstDescriptor{0x7d0000000000};
constexpr Address kFirstOwnDescriptor{0x7a0000000000};
constexpr std::uint64_t kTidOffset = 720;

constexpr std::size_t kRsp = 7;
constexpr std::size_t kRip = 16;

struct Timespec {
  std::int64_t seconds;
  std::int64_t nanoseconds;
};

Timespec to_timespec(std::chrono::nanoseconds time) {
  return {time.count() / 1'000'000'000, time.count() % 1'000'000'000};
}

}  // namespace

std::span<const std::byte> FakeMemory::bytes_at(Address at) const {
  static constexpr std::array<std::byte, 4096> kZeros{};
  const auto after = regions_.upper_bound(at);
  const std::uint64_t most = after == regions_.end() ? UINT64_MAX : after->first - at;
  for (auto region = after; region != regions_.begin();) {
    --region;
    const std::uint64_t offset = at - region->first;
    if (offset >= region->second.size()) continue;
    const auto bytes = std::span<const std::byte>(region->second).subspan(offset);
    return bytes.first(std::min<std::uint64_t>(bytes.size(), most));
  }
  for (const AddressRange& range : zeros_) {
    if (at < range.start || at >= range.end) continue;
    const std::uint64_t rest = AddressRange{at, range.end}.size();
    return std::span(kZeros).first(std::min({rest, most, std::uint64_t{kZeros.size()}}));
  }
  return {};
}

std::size_t FakeMemory::read(Address from, std::span<std::byte> into) noexcept {
  if (before_read) before_read(from);
  std::size_t done = 0;
  while (done < into.size()) {
    const auto bytes = bytes_at(from + done);
    if (bytes.empty()) break;
    const std::size_t count = std::min(into.size() - done, bytes.size());
    std::memcpy(into.data() + done, bytes.data(), count);
    done += count;
  }
  return done;
}

PresentMemory FakeMemory::find_present(AddressRange range) {
  PresentMemory present;
  for (const AddressRange& hole : swapped) {
    if (hole.start < range.start || hole.end > range.end) continue;
    present.ranges.push_back({range.start, hole.start});
    present.swapped += hole.size();
    range.start = hole.end;
  }
  present.ranges.push_back(range);
  return present;
}

void FakeMemory::put(Address at, std::span<const std::byte> bytes) {
  regions_[at].assign(bytes.begin(), bytes.end());
}

void FakeMemory::put(Address at, std::initializer_list<unsigned> bytes) {
  auto& region = regions_[at];
  region.clear();
  for (const unsigned byte : bytes) region.push_back(static_cast<std::byte>(byte));
}

void FakeMemory::put_code_before(Address end, std::initializer_list<unsigned> bytes) {
  constexpr std::size_t kSize = 32;
  auto& region = regions_[end - kSize];
  region.assign(kSize - bytes.size(), std::byte{0x90});
  for (const unsigned byte : bytes) region.push_back(static_cast<std::byte>(byte));
}

std::optional<DataSymbol> FakeProgram::find_data_symbol(Address at) {
  for (const auto& [start, symbol] : symbols) {
    if (at < start || at - start >= symbol.size) continue;
    DataSymbol found = symbol;
    found.offset = at - start;
    return found;
  }
  return std::nullopt;
}

std::optional<Address> FakeProgram::find_libc_variable(std::string_view name) {
  const auto found = libc_variables.find(name);
  return found == libc_variables.end() ? std::nullopt : std::optional(found->second);
}

std::optional<AddressRange> FakeProgram::find_variable(std::string_view name) {
  const auto found = own_variables.find(name);
  return found == own_variables.end() ? std::nullopt : std::optional(found->second);
}

std::optional<ElementField> FakeProgram::find_element_member(Address /*variable*/,
                                                             std::string_view path) {
  const auto found = element_members.find(path);
  return found == element_members.end() ? std::nullopt : std::optional(found->second);
}

std::optional<FieldPlace> FakeProgram::find_member(const CodeAddress& /*code*/,
                                                   std::string_view class_name,
                                                   std::string_view path) {
  const auto found = members.find(fmt::format("{}::{}", class_name, path));
  return found == members.end() ? std::nullopt : std::optional(found->second);
}

std::vector<VariableHit> FakeProgram::find_variables(const Stacks& /*stacks*/,
                                                     std::span<const Address> locks) {
  std::vector<VariableHit> hits;
  std::ranges::copy_if(variables, std::back_inserter(hits), [&](const VariableHit& hit) {
    return std::ranges::find(locks, hit.lock) != locks.end();
  });
  return hits;
}

std::optional<ObjectClass> FakeProgram::find_object_class(Address at) {
  const auto found = std::ranges::find(classes, at, &std::pair<Address, ObjectClass>::first);
  return found == classes.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> FakeProgram::find_virtual_class(Address object) {
  const auto found = virtual_classes.find(object);
  return found == virtual_classes.end() ? std::nullopt : std::optional(found->second);
}

std::vector<ObjectUse> FakeProgram::find_uses(const Stacks&, std::span<const Address> objects) {
  std::vector<ObjectUse> found;
  std::ranges::copy_if(uses, std::back_inserter(found), [&](const ObjectUse& use) {
    return std::ranges::binary_search(objects, use.object);
  });
  return found;
}

std::vector<LockingCall> FakeProgram::find_locking_calls(const Stacks& /*stacks*/,
                                                         std::size_t thread, Address lock) {
  const auto found = locking_calls.find({thread, lock});
  return found == locking_calls.end() ? std::vector<LockingCall>() : found->second;
}

std::string FakeProgram::find_called_function(const CodeAddress& pc) {
  const auto found = called_functions.find(pc.address());
  return found == called_functions.end() ? std::string() : found->second;
}

std::optional<std::uint64_t> FakeProgram::find_argument(const Stacks& /*stacks*/,
                                                        std::size_t /*thread*/, std::size_t frame,
                                                        std::size_t number) {
  const auto found = arguments.find({frame, number});
  return found == arguments.end() ? std::nullopt : std::optional(found->second);
}

std::optional<TaskElsewhere> FakeTasks::find_task(Tid id_in_target) {
  const auto found = tasks.find(id_in_target);
  return found == tasks.end() ? std::nullopt : std::optional(found->second);
}

FakeMutex& FakeMutex::owned_by(std::int32_t id_in_target) {
  owner_ = id_in_target;
  return *this;
}

FakeMutex& FakeMutex::of_kind(std::uint32_t kind) {
  kind_ = kind;
  return *this;
}

FakeMutex& FakeMutex::locked_times(std::uint32_t count) {
  count_ = count;
  return *this;
}

FakeMutex& FakeMutex::with_bytes(const MutexBytes& bytes) {
  bytes_ = bytes;
  return *this;
}

FakeMutex& FakeMutex::with_lock_word(std::uint32_t lock) {
  lock_ = lock;
  return *this;
}

FakeMutex& FakeMutex::unreadable() {
  readable_ = false;
  return *this;
}

FakeMutex& FakeMutex::named_by_symbol() {
  has_symbol_ = true;
  return *this;
}

std::uint32_t FakeMutex::lock_word() const {
  if (lock_) return *lock_;
  const auto owner = static_cast<std::uint32_t>(owner_);
  if ((kind_ & (kRobust | kInherit)) != 0) return owner | (wanted_ ? kWaiters : 0);
  const std::uint32_t held = owner == 0 ? 0 : wanted_ ? 2 : 1;
  return (kind_ & kProtect) != 0 ? kCeiling | held : held;
}

MutexBytes FakeMutex::bytes() const {
  if (bytes_) return *bytes_;
  const bool counts = (kind_ & (kRobust | kInherit | kProtect)) != 0 || (kind_ & 3) == 1;
  MutexBytes bytes{.head = {.lock = lock_word(),
                            .count = count_.value_or(counts && owner_ != 0 ? 1 : 0),
                            .owner = static_cast<std::uint32_t>(owner_),
                            .nusers = owner_ != 0 ? 1U : 0U,
                            .kind = kind_}};
  if ((kind_ & kRobust) != 0) bytes.previous = bytes.next = 0x7d00000002e0;
  return bytes;
}

FakeMutex& FakeMutex::at(Address address) {
  address_ = address;
  return *this;
}

FakeThread& FakeThread::waits_for(const std::string& mutex) {
  mutex_ = mutex;
  return *this;
}

FakeThread& FakeThread::waits_for_until(const std::string& mutex, std::chrono::nanoseconds at) {
  mutex_ = mutex;
  deadline_ = at;
  return *this;
}

FakeThread& FakeThread::joins(std::int32_t tid) {
  joined_ = tid;
  return *this;
}

FakeThread& FakeThread::whose_word_is(std::uint32_t word) {
  joined_word_ = word;
  return *this;
}

FakeThread& FakeThread::with_thread_pointer(Address at) {
  facts_.registers.thread_pointer = at;
  return *this;
}

FakeThread& FakeThread::with_stack_words(Address sp, const std::vector<std::uint64_t>& words) {
  const auto bytes = std::as_bytes(std::span(words));
  facts_.stack = {.start = sp, .bytes = {bytes.begin(), bytes.end()}};
  return with_register(kRsp, sp.value);
}

FakeThread& FakeThread::leaving(std::uint64_t argument) {
  left_ = argument;
  return *this;
}

FakeThread& FakeThread::keeping(std::uint64_t value) {
  kept_ = value;
  return *this;
}

FakeThread& FakeThread::called_at(Address sp) {
  called_at_ = sp;
  return *this;
}

FakeThread& FakeThread::in_futex(Address word, std::uint64_t operation, std::uint64_t value,
                                 Address timeout) {
  facts_.syscall = {
      SyscallState::kInSyscall, kFutexCall, {word.value, operation, value, timeout.value, 0, 0}};
  facts_.state = 'S';
  return *this;
}

FakeThread& FakeThread::in_call(std::int64_t number) {
  facts_.syscall = {SyscallState::kInSyscall, number, {}};
  facts_.state = 'S';
  return *this;
}

FakeThread& FakeThread::runs() {
  facts_.syscall = {SyscallState::kUserMode, -1, {}};
  facts_.state = 'R';
  return *this;
}

FakeThread& FakeThread::in(SyscallState state) {
  facts_.syscall.state = state;
  return *this;
}

FakeThread& FakeThread::returned() {
  facts_.syscall.state = SyscallState::kReturned;
  return *this;
}

FakeThread& FakeThread::restarted() {
  restarted_ = true;
  return *this;
}

FakeThread& FakeThread::asleep_for(std::chrono::nanoseconds time) {
  facts_.not_run_for = time;
  return *this;
}

FakeThread& FakeThread::aged(std::chrono::nanoseconds time) {
  facts_.age = time;
  return *this;
}

FakeThread& FakeThread::in_state(char state) {
  facts_.state = state;
  return *this;
}

FakeThread& FakeThread::called_in_target(std::int32_t id) {
  facts_.tid_in_target = {id};
  return *this;
}

FakeThread& FakeThread::with_stack(FakeFrames frames) {
  frames_ = std::move(frames);
  return *this;
}

FakeThread& FakeThread::below(FakeFrames program_frames) {
  program_frames_ = std::move(program_frames);
  return *this;
}

FakeThread& FakeThread::calling(std::string library_call) {
  library_call_ = std::move(library_call);
  return *this;
}

FakeThread& FakeThread::without_names() {
  frames_ = FakeFrames{"libc.so.6:", "app:"};
  return *this;
}

FakeThread& FakeThread::at_code(Address code_end) { return with_register(kRip, code_end.value); }

FakeThread& FakeThread::with_register(std::size_t dwarf_number, std::uint64_t value) {
  facts_.registers.set(dwarf_number, value);
  return *this;
}

SnapshotBuilder::SnapshotBuilder() {
  facts_.process = {.pid = {100}, .pid_in_target = {100}, .name = "app"};
  facts_.modules = {{.start = {0x400000}, .end = {0x700000}, .path = "/usr/bin/app"},
                    {.start = {0x7f0000000000},
                     .end = {0x7f0000200000},
                     .path = "/lib/x86_64-linux-gnu/libc.so.6"}};
  facts_.monotonic = std::chrono::hours(1);
  facts_.realtime = std::chrono::hours(24 * 365 * 50);
  // mov $202, %eax; syscall  and  mov %rdi, %rax; mov 8(%rsp), %r9; syscall
  memory_.put(kLibcWait - 32, {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                               0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                               0x90, 0x90, 0x90, 0xb8, 0xca, 0x00, 0x00, 0x00, 0x0f, 0x05});
  memory_.put(kSyscallFunction - 32,
              {0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x89,
               0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4d,
               0x89, 0xc2, 0x4d, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05});
}

FakeMutex& SnapshotBuilder::mutex(const std::string& name) {
  const auto found = mutex_by_name_.find(name);
  if (found != mutex_by_name_.end()) return *found->second;
  FakeMutex& made = mutexes_.emplace_back(name, kFirstMutex + mutexes_.size() * 64);
  mutex_by_name_[name] = &made;
  mutex_by_address_[made.address_] = &made;
  return made;
}

FakeThread& SnapshotBuilder::thread(std::int32_t tid) {
  return threads_.try_emplace(tid, FakeThread(tid)).first->second;
}

Mapping& SnapshotBuilder::maps(Address start, std::uint64_t size) {
  memory_.put_zeros({start, start + size});
  return facts_.mappings.emplace_back(
      Mapping{.start = start, .end = start + size, .readable = true, .writable = true});
}

const Diagnosis& SnapshotBuilder::diagnose() {
  build();
  SnapshotMemory memory(snapshot_, memory_);
  diagnosis_ = pstuck::diagnose(snapshot_, stacks_, {memory, program_, tasks_}, options_);
  check_invariants();
  return diagnosis_;
}

Look SnapshotBuilder::look(std::chrono::nanoseconds at) {
  Look look{.monotonic = at};
  const ConfirmRequest request = find_what_to_confirm(snapshot_, diagnosis_);
  for (const Tid tid : request.threads) {
    const auto thread = std::ranges::find(snapshot_.threads, tid, &ThreadSnapshot::tid);
    look.threads.push_back({.tid = tid,
                            .exists = true,
                            .syscall = thread->syscall,
                            .switches = ContextSwitches{1000, 10}});
  }
  for (const Address lock : request.locks) {
    look.locks.push_back(memory_.read_object<std::array<std::byte, 24>>(lock));
  }
  return look;
}

const Diagnosis& SnapshotBuilder::confirm(const Look& first, const Look& second) {
  pstuck::confirm(snapshot_, first, second, diagnosis_);
  check_invariants();
  return diagnosis_;
}

void SnapshotBuilder::check_invariants() const {
  const std::string broken = DiagnosisInvariants(snapshot_, diagnosis_).find_broken();
  if (!broken.empty()) throw std::logic_error("broken invariants:\n" + broken);
}

void SnapshotBuilder::build() {
  std::ranges::sort(facts_.mappings, {}, &Mapping::start);
  mutex_by_address_.clear();
  for (FakeMutex& mutex : mutexes_) mutex_by_address_[mutex.address_] = &mutex;
  snapshot_ = facts_;
  stacks_ = {};
  locations_.clear();
  program_.symbols.clear();
  for (const auto& [tid, thread] : threads_) {
    if (!thread.mutex_.empty()) mutex(thread.mutex_).wanted_ = true;
  }
  for (const FakeMutex& mutex : mutexes_) {
    memory_.put_object(mutex.address_, mutex.bytes());
    if (!mutex.readable_) memory_.forget(mutex.address_);
    if (mutex.has_symbol_) {
      program_.symbols.emplace_back(mutex.address_,
                                    DataSymbol{.name = mutex.name_, .size = 40, .module = "app"});
    }
  }
  for (const auto& [tid, thread] : threads_) build_thread(thread);
}

void SnapshotBuilder::build_thread(const FakeThread& thread) {
  ThreadSnapshot facts = thread.facts_;
  facts.tid = {thread.tid_};
  if (facts.tid_in_target.value == 0) facts.tid_in_target = facts.tid;
  facts.name = fmt::format("thread-{}", thread.tid_);
  facts.capture = CaptureWay::kStopped;
  if (!facts.registers.get(kRip)) facts.registers.set(kRip, kLibcWait.value);
  if (!thread.mutex_.empty()) set_mutex_call(thread, facts);
  if (thread.joined_) set_join_call(thread, facts);
  if (thread.restarted_) facts.syscall.number = kRestartSyscall;
  if (thread.left_) {
    constexpr std::uint64_t kCleanupOffset = 760;
    const Address own = kFirstOwnDescriptor + static_cast<std::uint64_t>(thread.tid_) * 4096;
    facts.registers.thread_pointer = own;
    memory_.put_object(own + kCleanupOffset, own + 1024);
    memory_.put_object(own + 1024,
                       std::array<std::uint64_t, 4>{kLibcWait.value, *thread.left_, 0, 0});
  }
  snapshot_.threads.push_back(std::move(facts));
  stacks_.stacks.push_back(build_stack(thread));
}

void SnapshotBuilder::set_mutex_call(const FakeThread& thread, ThreadSnapshot& facts) {
  const FakeMutex& mutex = this->mutex(thread.mutex_);
  const bool robust = (mutex.kind_ & kRobust) != 0;
  const bool inherit = (mutex.kind_ & kInherit) != 0;
  std::uint64_t operation = inherit ? 6 : 0;
  std::uint64_t value = inherit ? 0 : 2;
  if ((mutex.kind_ & kProtect) != 0) value |= kCeiling;
  if (robust && !inherit) value = static_cast<std::uint32_t>(mutex.owner_) | kWaiters;
  Address timeout;
  if (thread.deadline_) {
    if (!inherit) operation = 9;
    timeout = kFirstTimespec + static_cast<std::uint64_t>(thread.tid_) * 16;
    memory_.put_object(timeout, to_timespec(*thread.deadline_));
  }
  if ((mutex.kind_ & (kShared | kRobust)) == 0) operation |= 0x80;
  const auto state = facts.syscall.state == SyscallState::kReturned ? SyscallState::kReturned
                                                                    : SyscallState::kInSyscall;
  facts.syscall = {
      state, kFutexCall, {mutex.address_.value, operation, value, timeout.value, 0, 0}};
  if (facts.state == '?') facts.state = 'S';
}

void SnapshotBuilder::set_join_call(const FakeThread& thread, ThreadSnapshot& facts) {
  const auto id = static_cast<std::uint32_t>(*thread.joined_);
  const Address descriptor = kFirstDescriptor + std::uint64_t{id} * 4096;
  memory_.put_object(descriptor,
                     std::array<std::uint64_t, 3>{descriptor.value, 0, descriptor.value});
  memory_.put_object(descriptor + kTidOffset, thread.joined_word_.value_or(id));
  facts.syscall = {SyscallState::kInSyscall,
                   kFutexCall,
                   {(descriptor + kTidOffset).value, 0x109, id, 0, 0, 0xffffffff}};
  facts.state = 'S';
}

Stack SnapshotBuilder::build_stack(const FakeThread& thread) {
  FakeFrames frames;
  if (thread.frames_) {
    frames = *thread.frames_;
  } else {
    if (!thread.mutex_.empty())
      frames = {"libc.so.6:__lll_lock_wait", "libc.so.6:pthread_mutex_lock"};
    if (thread.facts_.syscall.state == SyscallState::kInSyscall) frames = {"libc.so.6:"};
    if (thread.joined_) frames = {"libc.so.6:__pthread_clockjoin_ex"};
    frames.insert(frames.end(), thread.program_frames_.begin(), thread.program_frames_.end());
    frames.insert(frames.end(), {"libc.so.6:start_thread", "libc.so.6:clone3"});
  }
  Stack stack{.end = StackEnd::kRoot, .library_call = thread.library_call_};
  for (const std::string& frame : frames) stack.frames.push_back({.location = location_of(frame)});
  if (thread.kept_) stack.frames.back().callee_saved[0] = thread.kept_;
  if (thread.called_at_) stack.frames.back().sp = thread.called_at_;
  return stack;
}

std::size_t SnapshotBuilder::location_of(const std::string& frame) {
  const auto [entry, is_new] = locations_.try_emplace(frame, stacks_.locations.size());
  if (is_new) {
    const std::size_t colon = frame.find(':');
    const bool has_module = colon != std::string::npos && frame.substr(colon, 2) != "::";
    stacks_.locations.push_back({.function = has_module ? frame.substr(colon + 1) : frame,
                                 .module = has_module ? frame.substr(0, colon) : "app"});
  }
  return entry->second;
}

std::string SnapshotBuilder::name_of(const Resource& resource) const {
  const auto found = mutex_by_address_.find(resource.address);
  if (found != mutex_by_address_.end()) return found->second->name_;
  if (resource.kind != ResourceKind::kThread) {
    return resource.name.empty() ? fmt::format("{:#x}", resource.address.value) : resource.name;
  }
  return resource.holder.recorded_id ? fmt::format("end of {}", resource.holder.recorded_id->value)
                                     : fmt::format("{:#x}", resource.address.value);
}

std::string SnapshotBuilder::describe(const Finding& finding) const {
  std::string text;
  if (finding.cycle) {
    text = "deadlock:";
    for (const WaitIndex index : diagnosis_.cycles.at(*finding.cycle).waits) {
      const Wait& wait = diagnosis_.waits.at(index);
      text += fmt::format(" {} -> {}", snapshot_.threads.at(wait.thread).tid.value,
                          name_of(diagnosis_.resources.at(wait.resource)));
    }
  } else {
    const Resource& resource = diagnosis_.resources.at(*finding.resource);
    text = fmt::format("{}: {}", word_for(resource.holder.fate), name_of(resource));
  }
  if (!finding.stuck_behind.empty()) {
    text += fmt::format(" | behind: {}", fmt::join(tids(finding.stuck_behind), " "));
  }
  return text;
}

std::string SnapshotBuilder::story() const {
  std::string text;
  for (const Finding& finding : diagnosis_.findings) {
    if (!text.empty()) text += '\n';
    text += describe(finding);
  }
  return text;
}

std::string SnapshotBuilder::held() const {
  constexpr std::array<std::string_view, 6> kSources = {"waited for", "robust list", "file list",
                                                        "variable",   "pointer",     "memory scan"};
  std::string text;
  for (const HeldLock& held : diagnosis_.held) {
    if (!text.empty()) text += '\n';
    const Resource& resource = diagnosis_.resources.at(held.resource);
    text += fmt::format("{}: {} by {}", snapshot_.threads.at(held.thread).tid.value,
                        name_of(resource), kSources.at(static_cast<std::size_t>(held.found_by)));
  }
  return text;
}

const Resource& SnapshotBuilder::resource(const std::string& mutex) {
  const auto found = std::ranges::find(diagnosis_.resources, address_of(mutex), &Resource::address);
  if (found == diagnosis_.resources.end()) throw std::logic_error("nobody waits for " + mutex);
  return *found;
}

const Wait* SnapshotBuilder::wait_of(std::int32_t tid) const {
  for (const Wait& wait : diagnosis_.waits) {
    if (snapshot_.threads[wait.thread].tid.value == tid) return &wait;
  }
  return nullptr;
}

const Resource* SnapshotBuilder::resource_of(std::int32_t tid) const {
  const Wait* wait = wait_of(tid);
  return wait == nullptr ? nullptr : &diagnosis_.resources.at(wait->resource);
}

const PileUp* SnapshotBuilder::pile_up_on(const std::string& mutex) {
  for (const PileUp& pile_up : diagnosis_.pile_ups) {
    if (diagnosis_.resources[pile_up.resource].address == address_of(mutex)) return &pile_up;
  }
  return nullptr;
}

std::vector<std::int32_t> SnapshotBuilder::tids(const std::vector<ThreadIndex>& threads) const {
  std::vector<std::int32_t> tids;
  for (const ThreadIndex thread : threads) tids.push_back(snapshot_.threads.at(thread).tid.value);
  return tids;
}

std::string word_for(OwnerFate fate) {
  switch (fate) {
    case OwnerFate::kThread:
      return "stalled";
    case OwnerFate::kInTransition:
      return "in transition";
    case OwnerFate::kExited:
      return "exited";
    case OwnerFate::kForkInherited:
      return "fork";
    case OwnerFate::kOtherProcess:
      return "other process";
    case OwnerFate::kRecycled:
      return "recycled";
    case OwnerFate::kOtherNamespace:
      return "other namespace";
    case OwnerFate::kNotRecorded:
      return "not recorded";
    case OwnerFate::kUnreadable:
      return "unreadable";
  }
  return {};
}

}  // namespace pstuck::testing
