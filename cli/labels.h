#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/report.h"

namespace pstuck {

/// What threads, locks and frames of one report are called. All text is printable and has no
/// colour. Total: an index that the report does not have gives an empty answer.
class Labels {
 public:
  /// The report must outlive it.
  explicit Labels(const Report& report);

  [[nodiscard]] const Report& report() const { return *report_; }

  [[nodiscard]] Tid tid(ThreadIndex thread) const;
  [[nodiscard]] std::vector<Tid> tids(const std::vector<ThreadIndex>& threads) const;
  [[nodiscard]] const ThreadStatus& status(ThreadIndex thread) const;
  [[nodiscard]] const Stack& stack(ThreadIndex thread) const;

  /// The frame that a wait or a status names; null when there is none.
  [[nodiscard]] const Location* location(ThreadIndex thread,
                                         std::optional<std::size_t> frame) const;

  /// "worker-3 (48231)", "worker-3 (48231, 12 in its namespace)".
  [[nodiscard]] std::string thread(ThreadIndex thread) const;

  /// "g_cache.mu_", "Account::mu_ #2", "mutex 0x55d9c0001040" when nothing names it: the same in
  /// all of a report, and no other lock's.
  [[nodiscard]] std::string lock(ResourceIndex index) const;

  /// "std::mutex 0x55d9c0001040", also when it has a name.
  [[nodiscard]] std::string lock_kind(ResourceIndex index) const;

  /// The locks that a thread holds, innermost frame first.
  [[nodiscard]] std::span<const HeldLock* const> held(ThreadIndex thread) const;

  /// Null when the thread is not known to hold it.
  [[nodiscard]] const HeldLock* held(ThreadIndex thread, ResourceIndex lock) const;

  /// The wait of a cycle that waits for this member: that of the one before it, where it does.
  [[nodiscard]] WaitIndex awaited_by(const Cycle& cycle, std::size_t member) const;

  /// What a cycle's member holds and another waits for; null when that is no lock.
  [[nodiscard]] const HeldLock* held(const Cycle& cycle, std::size_t member) const;

  /// Where a thread took a lock; null for no lock, and when no frame is known to have taken it.
  [[nodiscard]] const Acquisition* acquisition(const HeldLock* held) const;

  /// "orderd (pid 48213)", "orderd (pid 48213, core core.48213)".
  [[nodiscard]] std::string process() const;

  /// What to give to pstuck to look at this target again.
  [[nodiscard]] std::string target() const;

  /// The deadlock finding that a thread is a member of, counted from 0 among the deadlocks.
  [[nodiscard]] std::optional<std::size_t> deadlock_of(ThreadIndex thread) const;
  [[nodiscard]] std::size_t deadlocks() const { return deadlocks_; }

 private:
  const Report* report_;
  std::vector<std::optional<std::size_t>> deadlock_of_;  // by thread
  std::vector<std::string> locks_;                       // by resource
  std::vector<std::vector<const HeldLock*>> held_;       // by thread
  std::size_t deadlocks_ = 0;
};

/// A process's command line as a shell takes it, cut where it is very long; may be empty.
std::string command_words(const Process& process);

/// "Cache::get"; without a symbol its place in the module, "orderd+0x1234".
std::string function_label(const Location& location, std::size_t width);

/// "Cache::get(Key const&)", or as above.
std::string signature_label(const Location& location, std::size_t width);

/// "cache.cpp:41", else the module; nothing where function_label() tells the module.
std::string place_label(const Location& location);

/// The line where a lock was taken, which need not be the one where its frame stands now.
/// "router.cpp:86"; in code without lines as above; else nothing.
std::string place_label(const Acquisition& acquisition, const Location& frame);

/// "Cache::get ← Handler::serve ← worker_main": innermost first, the middle of many left out.
std::string functions_label(const Stacks& stacks, const std::vector<std::size_t>& locations);

}  // namespace pstuck
