#pragma once

/// What a sample said about itself; samples/sample.h explains the lines.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pstuck::testing {

struct TrueWait {
  std::string role;
  std::string resource;  ///< a lock, or the role that is joined
  std::string kind;      ///< lock, timed, relock, join
  int line = 0;          ///< where the wait stands in the sample's source
  std::string function;  ///< its bare name
};

/// A lock that its thread has to the end.
struct TrueHold {
  std::string role;
  std::string lock;
  int line = 0;          ///< where it was taken in the sample's source
  std::string function;  ///< the bare name of the one that took it
};

struct TruePileUp {
  std::string lock;
  std::size_t threads = 0;
  std::string holder;
};

struct Truth {
  int pid = 0;
  std::map<std::string, int> tids;             ///< by role
  std::map<std::string, std::uint64_t> locks;  ///< addresses by name
  std::vector<TrueHold> holds;
  std::map<std::string, std::string> names;           ///< by lock, where there is DWARF
  std::map<std::string, std::string> stripped_names;  ///< by lock, where there are no symbols
  std::vector<TrueWait> waits;
  std::vector<std::vector<std::string>> cycles;  ///< roles
  std::vector<TruePileUp> pile_ups;
  std::vector<std::string> exited;  ///< roles
  std::vector<std::string> findings;
  std::string root;
  std::string skip;
  bool healthy = false;
  bool ready = false;
};

/// Takes one more line in.
void learn(Truth& truth, std::string_view line);

/// "Cache::get[abi:cxx11](int)" → "get".
std::string bare_function(std::string_view declaration);

}  // namespace pstuck::testing
