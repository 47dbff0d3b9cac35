#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/sentences.h"

namespace pstuck {

/// The sentences about what several processes have to do with each other.
class AcrossSentences {
 public:
  /// The reports must outlive it.
  explicit AcrossSentences(const Reports& reports, const Ink& ink = {});

  [[nodiscard]] const Sentences& of(ProcessIndex process) const { return sentences_.at(process); }

  /// "make (pid 12) and cc (pid 13) wait for each other · for 3 s · 2 more threads are stuck
  /// behind them".
  [[nodiscard]] std::string verdict(const CrossCycle& cycle) const;

  /// "worker (4712) of orderd (pid 4711)"; of a process of one thread only the process.
  [[nodiscard]] std::string member(const ThreadRef& member) const;

  /// "waits in write for room in a pipe, which only make (pid 12) can read".
  [[nodiscard]] std::string want(const ThreadRef& member) const;

  /// "Told by the kernel · nobody in the cycle ran between two reads 25 ms apart."
  [[nodiscard]] std::string evidence(const CrossCycle& cycle) const;

  /// "3 threads wait in the end for db (pid 12), which sleeps in clock_nanosleep".
  [[nodiscard]] std::string root(const CrossRoot& root) const;

  /// "Nobody on the way ran between two reads 25 ms apart."
  [[nodiscard]] static std::string evidence(const CrossRoot& root);

  /// The processes of a deadlock, ascending.
  [[nodiscard]] static std::vector<ProcessIndex> processes(const CrossCycle& cycle);

 private:
  const Reports& reports_;
  std::vector<Sentences> sentences_;  // by process
};

/// The deadlocks over processes that a process is a part of, or that it is stuck behind.
std::vector<const CrossCycle*> cycles_with(const Across& across, ProcessIndex process);

/// The chains over processes that a process is on, or behind.
std::vector<const CrossRoot*> roots_with(const Across& across, ProcessIndex process);

}  // namespace pstuck
