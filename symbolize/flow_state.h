#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "symbolize/formulas.h"
#include "symbolize/sorted_map.h"

namespace pstuck {

/// Of one function at a time; what is more is left out.
inline constexpr std::size_t kMostTaken = 32;

/// Locks of one family are never given back by the functions of another.
enum class LockFamily : std::uint8_t {
  kMutex,        ///< pthread's mutexes, rwlocks and spinlocks, mtx_t, FILEs
  kSemaphore,    ///< sem_t
  kCounter,      ///< std::counting_semaphore: where its release was inlined, it is added to
  kStaticGuard,  ///< of a function-local static variable
  kLibrary,      ///< absl::Mutex, QMutex, GMutex …
  /// Rust's, which the code around it sets and clears. What gives it back has the guard, which may
  /// be handed on.
  kWord,
};

/// It counts units, which need not be given back.
constexpr bool counts_units(LockFamily family) {
  return family == LockFamily::kSemaphore || family == LockFamily::kCounter;
}

/// What a call does to an object that is no lock.
enum class Act : std::uint8_t {
  kArrives,   ///< at a barrier or latch
  kNotifies,  ///< a condition variable; makes a future's result
  kRunsOnce,  ///< runs what a once-flag guards
};

/// A lock that a function took.
struct TakenLock {
  Address call;                ///< of the instruction that took it
  std::vector<Formula> names;  ///< ascending; empty where the lock could not be followed
  bool certain = true;         ///< else not on all paths from the function's entry to here
  bool given_back = false;     ///< since then, on all paths on which it was taken
  bool shared = false;         ///< with other readers
  LockFamily family = LockFamily::kMutex;

  [[nodiscard]] bool is_called(Formula name) const {
    return std::ranges::binary_search(names, name);
  }

  friend bool operator==(const TakenLock&, const TakenLock&) = default;
};

/// Whether places share bytes, as far as they count from the same base.
bool overlap(Formula a, std::uint64_t a_size, Formula b, std::uint64_t b_size);

/// What a place in memory holds since the function wrote or read it.
struct KnownPlace {
  Formula value;
  std::uint8_t size = 8;  ///< bytes: 8, or 4 for the lower half of a word

  friend bool operator==(const KnownPlace&, const KnownPlace&) = default;
};

/// A call that tried to take a lock.
struct Trial {
  Address call;
  bool taken_if_zero = true;  ///< else when it returns another number

  friend bool operator==(const Trial&, const Trial&) = default;
};

/// A lock that was given back without having been taken.
struct GivenBack {
  Formula lock;
  LockFamily family = LockFamily::kMutex;

  friend auto operator<=>(const GivenBack&, const GivenBack&) = default;
};

/// What is known before an instruction of a function.
struct FlowState {
  std::array<Formula, kMachineRegisters> registers;
  SortedMap<Formula, KnownPlace> memory;  ///< by address
  /// Sizes of what was written outside the function's own stack frame, by address: it does not hold
  /// any more what it held at entry.
  SortedMap<Formula, std::uint64_t> written;
  std::vector<TakenLock> taken;            ///< in the order of taking
  std::map<GivenBack, bool> given_back;    ///< whether on all paths
  std::set<std::pair<Formula, Act>> acts;  ///< on some path; not all of them
  bool met_stranger = false;               ///< a function was called whose writes are not known
  std::optional<Trial> tried;              ///< while eax tells whether it took the lock …
  std::optional<Trial> tested;             ///< … and while the flags tell
  std::optional<bool> zero;                ///< what the flags say of a number that is known

  /// These bytes hold something that is not known.
  void forget(Formula address, std::uint64_t size);
  void write(Formula address, KnownPlace place);
  /// What is read there has this value, until somebody writes.
  void keep(Formula address, KnownPlace place);
  void take(TakenLock lock);
  [[nodiscard]] bool was_written(Formula address, std::uint64_t size) const;

  friend bool operator==(const FlowState&, const FlowState&) = default;
};

/// What a call does, in formulas over the registers and memory at the callee's entry.
struct CallEffect {
  struct Lock {
    Formula lock;
    bool certain = true;
    bool shared = false;
    LockFamily family = LockFamily::kMutex;
  };

  bool stranger = true;       ///< it may also write where its arguments point, and to the heap
  bool unread = false;        ///< nobody looked what it does to locks
  bool tries = false;         ///< takes the locks only when it returns 0 …
  bool taken_if_zero = true;  ///< … else: when it returns another number
  std::vector<Lock> takes;
  std::vector<Lock> gives_back;
  std::vector<std::pair<Formula, Act>> acts;
  std::vector<std::pair<Formula, std::uint64_t>> acts_when;  ///< only when these have these values
  std::vector<std::pair<Formula, std::uint64_t>> forgets;    ///< writes something: address, size
  std::vector<std::pair<Formula, Formula>> writes;           ///< address, word
  Formula result;
};

}  // namespace pstuck
