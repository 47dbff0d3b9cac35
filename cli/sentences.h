#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/labels.h"

namespace pstuck {

/// How a renderer sets off the target's text inside a sentence; the default leaves it as it is.
struct Ink {
  std::function<std::string(std::string_view)> name = [](auto t) { return std::string(t); };
  std::function<std::string(std::string_view)> code = [](auto t) { return std::string(t); };
};

/// What a program must be asked, since only a table of its own tells.
struct Question {
  std::string what;     ///< "1 thread waits for a metadata lock of MariaDB; who has it …"
  std::string command;  ///< printable
  std::vector<std::string> threads;  ///< "mariadbd (17491) waits for a notification of …"
};

/// The sentences about one report, the same for every renderer but for the ink.
class Sentences {
 public:
  enum class Detail {
    kOthersToo,  ///< where another process must act, also what that does
    kOwn,        ///< only which it is
  };

  /// The report must outlive it.
  explicit Sentences(const Report& report, Ink ink = {}, Detail detail = Detail::kOthersToo);

  [[nodiscard]] const Labels& labels() const { return labels_; }

  [[nodiscard]] std::string thread(ThreadIndex index) const;
  [[nodiscard]] std::string lock(ResourceIndex index) const;
  /// Printable text, set off.
  [[nodiscard]] std::string ink(std::string_view printable_text) const {
    return ink_.code(printable_text);
  }
  /// Any other text of the target.
  [[nodiscard]] std::string code(std::string_view hostile) const;

  /// "orderd (pid 48213)".
  [[nodiscard]] std::string process() const { return ink_.name(labels_.process()); }

  /// "2 threads wait for each other · for 3m 12s · 58 more are stuck behind them".
  [[nodiscard]] std::string verdict(const Finding& finding) const;

  /// Without findings: "Nothing is stuck" when every thread's wait is understood and none is for
  /// a lock, a semaphore, a result or the arrival of others, else "No hang found".
  [[nodiscard]] std::string_view calm_verdict() const;
  [[nodiscard]] bool is_surely_calm() const;

  /// "2 deadlocks and 1 stalled holder"; "no deadlock" without findings.
  [[nodiscard]] std::string count() const;

  /// "Owners recorded in the mutexes · nobody in the cycle ran between two reads 25 ms apart."
  [[nodiscard]] std::string evidence(const Finding& finding) const;

  /// "held by worker-7 (48235)", "likely read by a (1) and b (2)", "whose owner 48231 has exited".
  [[nodiscard]] std::string holder(ResourceIndex index) const;

  /// "Router::dispatch at router.cpp:86": where a lock was taken; empty when no frame is known to
  /// have taken it.
  [[nodiscard]] std::string taken(const HeldLock* held) const;

  /// How the frame that took a lock was found: "guard lk", "known from its code"; may be empty.
  [[nodiscard]] std::string attribution(const Acquisition& acquisition) const;

  /// "also holds g_log, taken in main at main.cpp:3; frame not known: stdout"; empty for none.
  [[nodiscard]] std::string also_holds(const std::vector<const HeldLock*>& locks) const;

  /// "Router::dispatch takes g_router → g_cache; Cache::evict takes g_cache → g_router". Empty
  /// when it is not known of every thread in the cycle where it took its lock.
  [[nodiscard]] std::string order(const Cycle& cycle) const;

  /// "a (1): feed_app → libfeed.so; b (2): libfeed.so → feed_app": the modules between where each
  /// thread of the cycle took its lock and where it waits. Empty when all is in one module.
  [[nodiscard]] std::string crossings(const Cycle& cycle) const;

  /// "sleeps in clock_nanosleep", "waits for g_cache".
  [[nodiscard]] std::string activity(ThreadIndex index) const;

  /// The same with how long already: "has slept 3m 12s in clock_nanosleep".
  [[nodiscard]] std::string lasting_activity(ThreadIndex index) const;
  /// " (idle: libuv's thread pool)": what a rule says of the thread; may be empty.
  [[nodiscard]] std::string remark(ThreadIndex index) const;

  /// What only the program can tell of its threads' waits.
  [[nodiscard]] std::vector<Question> questions() const;

  /// "wait in recvfrom for data from TCP 10.0.0.7:43122 → 10.0.0.5:5432": all threads of a group
  /// alike, or more generally what they do.
  [[nodiscard]] std::string group(const ThreadGroup& group) const;

  /// "58 threads wait for g_cache, held by worker-7 (48235), in the deadlock above".
  [[nodiscard]] std::string pile_up(const PileUp& pile_up) const;

  /// "moving storage (48235) frees 212 of 230 threads: it holds g_cache and …".
  [[nodiscard]] std::string root_blocker(const RootBlocker& root) const;

  /// The root blockers that several threads are behind, where there are several such and the
  /// findings do not tell of all of them; else none.
  [[nodiscard]] const std::vector<const RootBlocker*>& ranking() const { return ranking_; }

  /// "in 3 looks over 100 ms 2 of 9 threads ran, 7 did not".
  [[nodiscard]] std::string progress() const;

  /// "rebuilder (48235) holds g_index.mu_ and runs: in 3 of 3 samples in Index::rebuild (user
  /// code), 98 % of a processor".
  [[nodiscard]] std::string progress(const ThreadProgress& progress) const;

  /// Those whose stacks were looked at several times, the busiest first.
  [[nodiscard]] std::vector<const ThreadProgress*> sampled() const;

  /// "times out in 4.2 s"; empty for a wait without end.
  [[nodiscard]] std::string deadline(const Wait& wait) const;

  /// "6 wait for work in epoll_wait, 1 runs"; empty when there are no others.
  [[nodiscard]] std::string others() const;

  /// "Looked at 61 threads in 12 ms; none stood still for longer than 0.4 ms."
  [[nodiscard]] std::string capture() const;
  /// "worker-3 (4711) by SIGSEGV at address 0x0 (not mapped)"; the core tells of a signal.
  [[nodiscard]] std::string crash(const CrashFacts& crash) const;

 private:
  [[nodiscard]] std::string capture_itself() const;
  static std::vector<const RootBlocker*> rank_roots(const Diagnosis& diagnosis);
  [[nodiscard]] std::string deadlock(const Finding& finding) const;
  [[nodiscard]] bool waits_for_doubtful_child(const KernelWait& wait) const;
  /// As activity(), without what a rule says.
  [[nodiscard]] std::string sleeps_in(ThreadIndex index, std::string_view lasted = {}) const;
  /// What of the kernel's it sleeps on.
  [[nodiscard]] std::string kernel_object(ThreadIndex index) const;
  /// What all threads of a group do, without what differs between them.
  [[nodiscard]] std::string general_words(const ThreadGroup& group, std::size_t count) const;
  /// ", in a signal handler that interrupted malloc,": of a thread that waits for itself; else
  /// empty.
  [[nodiscard]] std::string in_handler(const Cycle& cycle) const;
  [[nodiscard]] std::string stuck(const Finding& finding) const;
  [[nodiscard]] std::string proof(const Finding& finding) const;
  [[nodiscard]] std::string chain(ResourceIndex first) const;
  /// "holds g_index.mu_ and ", where others wait for that; else empty.
  [[nodiscard]] std::string holds_for_others(ThreadIndex index) const;
  [[nodiscard]] std::string deadlock_above(std::size_t number) const;
  /// "frees up to 212 of 230 threads".
  [[nodiscard]] std::string frees(const RootBlocker& root) const;
  /// The same of the thread that a pile-up's sentence ends with; empty where that is none, or where
  /// the ranking tells it.
  [[nodiscard]] std::string moving_it_frees(const PileUp& pile_up) const;
  [[nodiscard]] std::string all_asleep(const Finding& finding) const;
  /// "; the process was forked from python3 (pid 4711), …": what that has to do with it.
  [[nodiscard]] std::string forked(const Finding& finding) const;
  /// "python3 (pid 4711)"; empty where the process was not forked, or that is not known.
  [[nodiscard]] std::string fork_parent() const;
  /// "; that thread now sleeps in clock_nanosleep": the owner in another process.
  [[nodiscard]] static std::string owner_now(const Holder& holder);
  [[nodiscard]] std::string elsewhere(const Holder& holder) const;
  [[nodiscard]] std::string partners(const Resource& resource) const;
  [[nodiscard]] bool nobody_can_come(const Resource& resource) const;
  [[nodiscard]] std::string fate(const Resource& resource) const;
  [[nodiscard]] std::string in_kernel(ThreadIndex index, std::size_t threads,
                                      std::string_view lasted = {}) const;
  /// "TCP 10.0.0.7:43122 → 10.0.0.5:5432", "a pipe", "terminal /dev/pts/3".
  [[nodiscard]] std::string file(const OpenFile& file) const;
  /// "for data from a pipe, which only cat (pid 4711) can write"; empty where nothing is known.
  [[nodiscard]] std::string want(const KernelWait& wait) const;
  [[nodiscard]] std::string want_of_any(const KernelWait& wait) const;
  [[nodiscard]] std::string want_of_file(const KernelWait& wait) const;
  [[nodiscard]] std::string want_of_child(const KernelWait& wait) const;
  [[nodiscard]] std::string want_of_path(const KernelWait& wait) const;
  [[nodiscard]] std::string want_of_semaphore(const KernelWait& wait) const;
  [[nodiscard]] std::string want_of_queue(const KernelWait& wait) const;
  /// "make (pid 4711)": who must act before the call returns.
  [[nodiscard]] std::string must_act(const KernelWait& wait) const;
  /// ", which sleeps in wait4": what a lone one of them does.
  [[nodiscard]] std::string lone_one_does(const KernelWait& wait, std::string_view before) const;
  [[nodiscard]] std::string other_process(Tid pid) const;
  [[nodiscard]] std::string inferred_edges(const Cycle& cycle) const;

  Labels labels_;
  Ink ink_;
  std::vector<const RootBlocker*> ranking_;
  Detail detail_;
};

}  // namespace pstuck
