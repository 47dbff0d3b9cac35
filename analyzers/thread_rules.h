#pragma once

#include <span>
#include <string>
#include <vector>

#include "analyzers/diagnosis.h"
#include "analyzers/program_frames.h"

namespace pstuck {

/// Which threads something can be said of, by the functions they are in, as a file describes it.
/// All that is set must fit. Functions are without arguments, template arguments and return type;
/// in all patterns "*" stands for any letters but ":".
struct ThreadRule {
  std::vector<std::string> waits_in;   ///< the innermost function of the program's own is one
  std::vector<std::string> under;      ///< some function of the stack is one
  std::vector<std::string> not_under;  ///< no function of the stack is one
  /// The thread was never outside these modules and the C library: names like "libuv.so.*".
  std::vector<std::string> modules;
  std::string process;  ///< its name
  /// What it waits for, and in which calls it sleeps; both empty: see Remark::Says.
  std::vector<WaitKind> waits_for;
  std::vector<std::int64_t> calls;
  Remark remark;
};

/// Gives threads that sleep the remark of the first rule that fits.
void apply_rules(std::span<const ThreadRule> rules, const Snapshot& snapshot, const Stacks& stacks,
                 const ProgramFrames& frames, Diagnosis& diagnosis);

/// The thread's remark, when it is of this kind.
const Remark* find_remark(const Diagnosis& diagnosis, ThreadIndex thread, Remark::Says says);

/// Whether a rule says that the thread is parked for work.
bool is_parked(const Diagnosis& diagnosis, ThreadIndex thread);

/// Whether all threads of the pile-up are.
bool is_parked(const Diagnosis& diagnosis, const PileUp& pile_up);

}  // namespace pstuck
