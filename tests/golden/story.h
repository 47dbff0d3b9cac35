#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "cli/report.h"

namespace pstuck::golden {

inline constexpr std::int64_t kEpollWait = 232;
inline constexpr std::int64_t kFutexCall = 202;
inline constexpr std::int64_t kClockNanosleep = 230;

/// Writes a report down as one would tell it.
class Story {
 public:
  explicit Story(const std::string& process, std::int32_t pid) {
    Process& facts = report.snapshot.process;
    facts.pid = facts.pid_in_target = Tid{pid};
    facts.parent = Tid{1};
    facts.name = process;
    facts.command_line = {"/usr/bin/" + process, "--config", "/etc/" + process + ".conf"};
    facts.executable = "/usr/bin/" + process;
    facts.age = std::chrono::minutes(130);
    report.snapshot.realtime = std::chrono::seconds(1763937005);
    report.snapshot.monotonic = std::chrono::seconds(90000);
    report.snapshot.capture_took = std::chrono::milliseconds(12);
    report.snapshot.longest_stop = std::chrono::nanoseconds(310000);
  }

  std::size_t location(const std::string& function, const std::string& file, int line,
                       const std::string& module, bool inlined = false) {
    Location at;
    at.function = function;
    at.symbol = inlined ? "" : function;
    at.module = module;
    at.module_offset = 0x1000 + 0x20 * report.stacks.locations.size();
    at.file = file.empty() ? "" : "/src/" + file;
    at.line = line;
    at.inlined = inlined;
    report.stacks.locations.push_back(at);
    return report.stacks.locations.size() - 1;
  }

  std::size_t own(const std::string& function, const std::string& file, int line) {
    return location(function, file, line, report.snapshot.process.name);
  }

  std::size_t libc(const std::string& function) { return location(function, "", 0, "libc.so.6"); }

  ThreadIndex thread(std::int32_t tid, const std::string& name,
                     const std::vector<std::size_t>& frames, Activity activity,
                     std::int64_t syscall) {
    ThreadSnapshot facts;
    facts.tid = facts.tid_in_target = Tid{tid};
    facts.name = name;
    facts.state = activity == Activity::kRuns ? 'R' : 'S';
    facts.capture = CaptureWay::kStopped;
    if (activity != Activity::kRuns) facts.not_run_for = std::chrono::seconds(192);
    facts.age = std::chrono::minutes(130);
    facts.cpu_time = std::chrono::milliseconds(29);
    facts.switches = ContextSwitches{12, 3};
    report.snapshot.threads.push_back(facts);
    Stack stack;
    for (const std::size_t at : frames) {
      Frame frame;
      frame.pc = CodeAddress::return_address({0x55d9c0000000 + 0x20 * at});
      frame.location = at;
      stack.frames.push_back(frame);
    }
    stack.end = StackEnd::kRoot;
    report.stacks.stacks.push_back(stack);
    ThreadStatus status;
    status.activity = activity;
    status.syscall = syscall;
    report.diagnosis.threads.push_back(status);
    return report.snapshot.threads.size() - 1;
  }

  /// In epoll_wait, as servers idle.
  ThreadIndex idle_thread(std::int32_t tid, const std::string& name) {
    const ThreadIndex index =
        thread(tid, name, {libc("epoll_wait"), own("Loop::run()", "loop.cpp", 20)}, Activity::kIdle,
               kEpollWait);
    report.diagnosis.threads[index].frame = 1;
    return index;
  }

  /// In pthread_mutex_lock, called by `callers`, innermost first.
  ThreadIndex locking_thread(std::int32_t tid, const std::string& name,
                             const std::vector<std::size_t>& callers) {
    if (locking_.empty()) {
      locking_ = {libc("__lll_lock_wait"), libc("pthread_mutex_lock"),
                  location("std::mutex::lock()", "include/std_mutex.h", 100,
                           report.snapshot.process.name, true)};
    }
    std::vector<std::size_t> frames = locking_;
    frames.insert(frames.end(), callers.begin(), callers.end());
    const ThreadIndex index = thread(tid, name, frames, Activity::kWaits, kFutexCall);
    report.diagnosis.threads[index].frame = locking_.size();
    return index;
  }

  ResourceIndex mutex(const std::string& name, std::uint64_t address) {
    Resource resource;
    resource.address = {address};
    resource.name = name;
    resource.name_module = name.empty() ? "" : report.snapshot.process.name;
    resource.mutex = MutexTraits{};
    report.diagnosis.resources.push_back(resource);
    return report.diagnosis.resources.size() - 1;
  }

  ResourceIndex end_of(ThreadIndex thread) {
    Resource resource;
    resource.kind = ResourceKind::kThread;
    resource.address = {0x7f0000000000 + 0x1000 * thread};
    report.diagnosis.resources.push_back(resource);
    held_by(report.diagnosis.resources.size() - 1, thread);
    return report.diagnosis.resources.size() - 1;
  }

  /// A mutex as debug information shows it.
  ResourceIndex typed_mutex(const std::string& name, std::uint64_t address,
                            const std::string& type = "std::mutex") {
    const ResourceIndex index = mutex(name, address);
    report.diagnosis.resources[index].named_by = NamedBy::kVariable;
    report.diagnosis.resources[index].type = type;
    return index;
  }

  ResourceIndex lock_of_kind(ResourceKind kind, const std::string& name, std::uint64_t address) {
    const ResourceIndex index = mutex(name, address);
    report.diagnosis.resources[index].kind = kind;
    report.diagnosis.resources[index].mutex.reset();
    return index;
  }

  /// No frame is known to have taken it, unless took() says so afterwards.
  void held_by(ResourceIndex resource, ThreadIndex thread, FoundBy found_by = FoundBy::kWaitedFor) {
    Holder& holder = report.diagnosis.resources[resource].holder;
    holder.evidence = Evidence::kRecorded;
    holder.fate = OwnerFate::kThread;
    holder.thread = thread;
    report.diagnosis.resources[resource].blocker = thread;
    holder.recorded_id = report.snapshot.threads[thread].tid;
    if (report.diagnosis.resources[resource].kind == ResourceKind::kThread) return;
    report.diagnosis.held.push_back({thread, resource, found_by, {}});
    sort_held();
  }

  /// `at` is where the holder took it, "cache.cpp", 90; without a file the place is not known.
  void took(ResourceIndex resource, std::size_t frame, AttributedBy by,
            const std::string& file = {}, int line = 0, const std::string& variable = {}) {
    for (HeldLock& held : report.diagnosis.held) {
      if (held.resource != resource) continue;
      held.acquisition = Acquisition{frame, by, variable, file.empty() ? "" : "/src/" + file, line};
    }
    sort_held();
  }

  /// Through a guard that stands in a line of the frame's file.
  void guarded(ResourceIndex resource, std::size_t frame, const std::string& file, int line,
               const std::string& variable = "lock") {
    took(resource, frame, AttributedBy::kGuard, file, line, variable);
  }

  /// By the witness of one of its frames.
  void has_part(ResourceIndex resource, ThreadIndex thread, Part part, std::size_t frame) {
    Resource& shared = report.diagnosis.resources[resource];
    shared.partners.push_back({thread, part, Evidence::kInferred, frame});
    shared.partners_complete = true;
    if (!shared.blocker) shared.blocker = thread;
    if (!is_lock(shared.kind)) return;
    report.diagnosis.held.push_back({thread, resource, FoundBy::kWitness, {}});
    report.diagnosis.held.back().acquisition =
        Acquisition{frame, AttributedBy::kLockingCode, {}, {}, 0};
    sort_held();
  }

  WaitIndex waits(ThreadIndex thread, ResourceIndex resource, WaitKind kind = WaitKind::kLock) {
    Wait wait;
    wait.kind = kind;
    wait.thread = thread;
    wait.resource = resource;
    wait.frame = report.diagnosis.threads[thread].frame;
    wait.waited = report.snapshot.threads[thread].not_run_for;
    if (report.diagnosis.resources[resource].kind == ResourceKind::kThread)
      wait.kind = WaitKind::kJoin;
    report.diagnosis.waits.push_back(wait);
    report.diagnosis.threads[thread].functions = program_functions(thread);
    report.diagnosis.threads[thread].wait = report.diagnosis.waits.size() - 1;
    return report.diagnosis.waits.size() - 1;
  }

  Finding& deadlock(const std::vector<WaitIndex>& waits) {
    Cycle cycle{.waits = waits};
    for (std::size_t i = 0; i < waits.size(); ++i) {
      const WaitIndex next = waits[(i + 1) % waits.size()];
      cycle.holders.push_back(report.diagnosis.waits[next].thread);
    }
    report.diagnosis.cycles.push_back(std::move(cycle));
    Finding& finding = add_finding(FindingKind::kDeadlock);
    finding.cycle = report.diagnosis.cycles.size() - 1;
    return finding;
  }

  Finding& stuck(FindingKind kind, ResourceIndex resource) {
    Finding& finding = add_finding(kind);
    finding.resource = resource;
    return finding;
  }

  PileUp& pile_up(ResourceIndex resource, const std::vector<WaitIndex>& waits) {
    PileUp pile;
    pile.resource = resource;
    pile.waits = waits;
    pile.victims = waits.size();
    std::map<std::vector<std::size_t>, std::vector<ThreadIndex>> groups;
    for (const WaitIndex wait : waits) {
      const ThreadIndex thread = report.diagnosis.waits[wait].thread;
      groups[program_functions(thread)].push_back(thread);
    }
    for (const auto& [functions, threads] : groups) pile.groups.push_back({threads, functions});
    std::stable_sort(pile.groups.begin(), pile.groups.end(), [](const auto& a, const auto& b) {
      return a.threads.size() > b.threads.size();
    });
    report.diagnosis.pile_ups.push_back(pile);
    return report.diagnosis.pile_ups.back();
  }

  /// At the end of these pile-ups, all of whose threads it frees.
  RootBlocker& root_blocker(ThreadIndex thread, const std::vector<PileUpIndex>& pile_ups) {
    RootBlocker root{.thread = thread, .pile_ups = pile_ups};
    for (const PileUpIndex i : pile_ups) {
      for (const WaitIndex wait : report.diagnosis.pile_ups[i].waits) {
        root.victims.push_back(report.diagnosis.waits[wait].thread);
      }
    }
    std::ranges::sort(root.victims);
    root.frees = root.victims.size();
    report.diagnosis.root_blockers.push_back(root);
    return report.diagnosis.root_blockers.back();
  }

  void others(const std::vector<ThreadIndex>& threads) {
    const ThreadStatus status = report.diagnosis.threads[threads.front()];
    report.diagnosis.others.push_back({.activity = status.activity,
                                       .syscall = status.syscall,
                                       .group = {threads, program_functions(threads.front())}});
  }

  Report report;

 private:
  Finding& add_finding(FindingKind kind) {
    Finding finding;
    finding.kind = kind;
    finding.since = std::chrono::seconds(192);
    finding.confirmation = {true, true, std::chrono::milliseconds(25)};
    report.diagnosis.findings.push_back(finding);
    return report.diagnosis.findings.back();
  }

  void sort_held() {
    const auto place = [](const HeldLock& held) {
      const std::size_t frame = held.acquisition ? held.acquisition->frame : SIZE_MAX;
      return std::tuple(held.thread, frame, held.resource);
    };
    std::ranges::sort(report.diagnosis.held, {}, place);
  }

  std::vector<std::size_t> program_functions(ThreadIndex thread) const {
    const auto& frames = report.stacks.stacks[thread].frames;
    std::vector<std::size_t> functions;
    for (std::size_t i = report.diagnosis.threads[thread].frame.value_or(frames.size());
         i < frames.size(); ++i) {
      functions.push_back(frames[i].location);
    }
    return functions;
  }

  std::vector<std::size_t> locking_;
};

}  // namespace pstuck::golden
