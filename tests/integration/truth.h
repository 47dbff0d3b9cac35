#pragma once

/// What a sample said about itself; samples/sample.h explains the lines.

#include <cstdint>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pstuck::testing {

/// A place in the source of a sample or of its library.
struct TruePlace {
  std::string file;
  int line = 0;
  std::string function;  ///< its bare name
};

struct TrueLock {
  std::uint64_t address = 0;  ///< 0: only the C library knows it
  std::string kind;
};

struct TrueWait {
  std::string role;
  std::string resource;  ///< a lock, or the role that is joined
  std::string kind;      ///< as the report has it, or timed, relock
  TruePlace at;
};

/// A lock that its thread has to the end.
struct TrueHold {
  std::string role;
  std::string lock;
  TruePlace taken;  ///< line 0: libc took it
};

/// A thread that has to act, and is not recorded.
struct TruePartner {
  std::string role;
  std::string lock;
  std::string part;
  TruePlace taken;
};

/// A thread that sleeps in a call of the kernel.
struct TrueKernelWait {
  std::string role;
  std::string act;
  std::string file;  ///< its kind; "none"
  int process = 0;   ///< that must act; 0: none is known
};

struct TruePileUp {
  std::string lock;
  std::size_t threads = 0;
  std::string holder;
};

struct TrueFinding {
  std::string kind;
  std::string evidence;

  friend auto operator<=>(const TrueFinding&, const TrueFinding&) = default;
  friend std::ostream& operator<<(std::ostream& out, const TrueFinding& finding) {
    return out << finding.kind << ' ' << finding.evidence;
  }
};

struct Truth {
  int pid = 0;
  std::map<std::string, int> tids;  ///< by role
  std::map<std::string, TrueLock> locks;
  std::vector<TrueHold> holds;
  std::vector<TruePartner> partners;
  std::map<std::string, std::string> names;           ///< by lock, where there is DWARF
  std::map<std::string, std::string> stripped_names;  ///< by lock, where there are no symbols
  std::vector<TrueWait> waits;
  std::vector<TrueKernelWait> kernel_waits;
  std::map<std::string, int> missing;              ///< parties, by barrier
  std::vector<std::string> unknown;                ///< locks
  std::map<std::string, std::uint64_t> used_with;  ///< mutexes, by condition variable
  std::vector<std::vector<std::string>> cycles;    ///< roles
  std::vector<std::vector<std::string>> knots;     ///< roles
  bool likely = false;                             ///< these deadlocks are inferred
  std::vector<std::vector<std::string>> across;    ///< roles, of several processes
  std::vector<TruePileUp> pile_ups;
  std::vector<std::string> exited;  ///< roles
  std::vector<TrueFinding> findings;
  std::map<std::string, std::set<std::string>> needs;  ///< what each kind of fact needs
  std::string root;
  std::vector<std::pair<std::string, std::size_t>> frees;  ///< threads, by role
  std::string skip;
  bool healthy = false;
  bool ready = false;
};

/// Takes one more line in.
void learn(Truth& truth, std::string_view line);

/// "Cache::get[abi:cxx11](int)" → "get".
std::string bare_function(std::string_view declaration);

}  // namespace pstuck::testing
