#include "attach/live_capture.h"

#include <algorithm>
#include <list>
#include <thread>

#include "attach/thread_stop.h"

namespace pstuck {
namespace {

using Clock = std::chrono::steady_clock;

// The bytes below the stack pointer that x86-64 code may use without moving it: the red zone.
constexpr std::uint64_t kRedZone = 128;

// How long all threads together, and each, may keep pstuck waiting for their stops. A thread stops
// within microseconds, but on a machine with more work than processors only when its turn comes.
constexpr std::chrono::milliseconds kPatience{1000};
constexpr std::chrono::milliseconds kPatienceForOne{100};

class Capture {
 public:
  Capture(const LiveProcess& process, const CaptureOptions& options,
          std::chrono::nanoseconds& longest_stop)
      : process_(process), options_(options), longest_stop_(longest_stop) {}

  void run(std::span<LiveThread> threads) { options_.freeze ? freeze(threads) : roll(threads); }

 private:
  void roll(std::span<LiveThread> threads);
  void freeze(std::span<LiveThread> threads);
  using Stop = std::pair<ThreadStop, LiveThread*>;

  bool may_stop(LiveThread& thread);
  bool wait(ThreadStop& stop, LiveThread& thread);
  void take_late(std::list<Stop>& late);
  void take(const ThreadStop& stop, LiveThread& thread);
  void read_without_stop(LiveThread& thread, CaptureReason reason);
  [[nodiscard]] CapturedStack copy_stack(Address stack_pointer);
  void note_stop(Clock::time_point began) {
    longest_stop_ = std::max<std::chrono::nanoseconds>(longest_stop_, Clock::now() - began);
  }

  const LiveProcess& process_;
  const CaptureOptions& options_;
  std::chrono::nanoseconds& longest_stop_;
  std::chrono::nanoseconds patience_ = kPatience;
};

CapturedStack Capture::copy_stack(Address stack_pointer) {
  CapturedStack stack{.start = stack_pointer - kRedZone};
  const auto& mappings = process_.mappings;
  auto found = std::ranges::upper_bound(mappings, stack_pointer, {}, &Mapping::end);
  std::uint64_t wanted = options_.stack_bytes;
  if (found != mappings.end() && found->start <= stack_pointer) {
    stack.start = std::max(stack.start, found->start);
    wanted = std::min(wanted, found->end - stack.start);
  }
  stack.bytes.resize(wanted);
  stack.bytes.resize(process_.memory.read(stack.start, stack.bytes));
  return stack;
}

// Decides without touching the thread; one that must not be stopped is read at once.
bool Capture::may_stop(LiveThread& thread) {
  ThreadSnapshot& snapshot = thread.snapshot;
  if (snapshot.state == 'Z' || snapshot.state == 'X') {
    snapshot.capture_reason = CaptureReason::kZombie;
    return false;
  }
  if (snapshot.state == 'D') {
    read_without_stop(thread, CaptureReason::kUninterruptible);
    return false;
  }
  if (!options_.stop) {
    read_without_stop(thread, CaptureReason::kStopNotWanted);
    return false;
  }
  if (stop_would_disturb(snapshot.syscall, process_.directory, process_.pidfd)) {
    read_without_stop(thread, CaptureReason::kStopWouldDisturb);
    return false;
  }
  return true;
}

// True when the thread stands still; else it was read in another way, or is gone.
bool Capture::wait(ThreadStop& stop, LiveThread& thread) {
  if (stop.outcome() == ThreadStop::Outcome::kNotPermitted) {
    read_without_stop(thread, CaptureReason::kStopRefused);
    return false;
  }
  const Clock::time_point began = Clock::now();
  const auto allowed = std::min<std::chrono::nanoseconds>(patience_, kPatienceForOne);
  if (stop.wait_until_stopped(began + allowed)) return true;
  if (stop.has_ended() || stop.outcome() == ThreadStop::Outcome::kGone) {
    thread.snapshot.capture_reason = CaptureReason::kExited;
    return false;
  }
  patience_ = std::max<std::chrono::nanoseconds>(patience_ - (Clock::now() - began),
                                                 std::chrono::milliseconds(1));
  read_without_stop(thread, CaptureReason::kDidNotStop);
  return false;
}

void Capture::take(const ThreadStop& stop, LiveThread& thread) {
  ThreadSnapshot& snapshot = thread.snapshot;
  const auto read = stop.read_registers();
  if (!read) {
    snapshot.capture_reason = CaptureReason::kExited;
    return;
  }
  snapshot.registers = read->registers;
  snapshot.syscall = read->syscall;
  snapshot.capture = CaptureWay::kStopped;
  snapshot.capture_reason = CaptureReason::kNone;
  snapshot.stack = copy_stack(*read->registers.stack_pointer());
}

// A thread that did not stop in time stops later: it is captured then, and let go at once.
void Capture::take_late(std::list<Stop>& late) {
  late.remove_if([&](Stop& stop) {
    if (!stop.first.has_stopped()) return stop.first.has_ended();
    take(stop.first, *stop.second);
    return true;
  });
}

void Capture::roll(std::span<LiveThread> threads) {
  std::list<Stop> late;
  for (LiveThread& thread : threads) {
    take_late(late);
    if (!may_stop(thread)) continue;
    const Clock::time_point began = Clock::now();
    ThreadStop stop(thread.snapshot.tid);
    stop.interrupt();
    if (wait(stop, thread)) {
      take(stop, thread);
      stop.let_go();  // From here on this thread runs again.
      note_stop(began);
    } else if (stop.outcome() == ThreadStop::Outcome::kSeized && !stop.has_ended()) {
      late.emplace_back(std::move(stop), &thread);
    }
  }
  const Clock::time_point deadline = Clock::now() + kPatienceForOne;
  while (!late.empty() && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    take_late(late);
  }
}

void Capture::freeze(std::span<LiveThread> threads) {
  std::vector<Stop> stops;
  stops.reserve(threads.size());
  const Clock::time_point began = Clock::now();
  for (LiveThread& thread : threads) {
    if (may_stop(thread)) stops.emplace_back(ThreadStop(thread.snapshot.tid), &thread);
  }
  for (auto& [stop, thread] : stops) stop.interrupt();
  std::vector<bool> stopped;
  for (auto& [stop, thread] : stops) stopped.push_back(wait(stop, *thread));
  for (std::size_t i = 0; i < stops.size(); ++i) {
    if (stopped[i]) take(stops[i].first, *stops[i].second);
  }
  stops.clear();  // From here on the target runs again.
  note_stop(began);
}

// A sleeping thread's stack does not change, so long as it sleeps: looked at before and after.
void Capture::read_without_stop(LiveThread& thread, CaptureReason reason) {
  constexpr int kTries = 3;
  ThreadSnapshot& snapshot = thread.snapshot;
  snapshot.capture_reason = reason;
  const ProcDirectory tasks(proc_path(process_.pid, "task"));
  for (int i = 0; i < kTries && thread.stack_pointer && thread.program_counter; ++i) {
    snapshot.stack = copy_stack(*thread.stack_pointer);
    const auto after = read_syscall(tasks, snapshot.tid);
    if (!after) break;
    const bool slept = after->syscall == snapshot.syscall &&
                       after->stack_pointer == thread.stack_pointer &&
                       after->program_counter == thread.program_counter;
    if (slept) {
      constexpr RegisterRoles kRoles = roles_of(Machine::kX86_64);
      snapshot.registers = {};
      snapshot.registers.set(kRoles.stack_pointer, thread.stack_pointer->value);
      snapshot.registers.set(kRoles.program_counter, thread.program_counter->value);
      snapshot.capture = CaptureWay::kReadWithoutStop;
      return;
    }
    snapshot.syscall = after->syscall;
    thread.stack_pointer = after->stack_pointer;
    thread.program_counter = after->program_counter;
  }
  snapshot.stack = {};
  snapshot.capture_reason = CaptureReason::kRuns;
}

}  // namespace

void capture_stacks(const LiveProcess& process, std::span<LiveThread> threads,
                    const CaptureOptions& options, std::chrono::nanoseconds& longest_stop) {
  // On a thread of its own, for when it ends the kernel lets go of whatever it still traces: also
  // of a thread that did not stop in time and would do so later.
  std::exception_ptr trouble;
  std::thread tracer([&] {
    try {
      Capture(process, options, longest_stop).run(threads);
    } catch (...) {
      trouble = std::current_exception();
    }
  });
  tracer.join();
  if (trouble) std::rethrow_exception(trouble);
}

}  // namespace pstuck
