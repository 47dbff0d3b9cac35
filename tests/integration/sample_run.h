#pragma once

#include <filesystem>
#include <iosfwd>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/subprocess.h"
#include "tests/integration/truth.h"

namespace pstuck::testing {

/// One sample, built in one way, started with or without an argument.
struct SampleCase {
  std::string name;
  std::string argument;
  std::string variant = "O2";     ///< O0, O2, stripped, static, shared
  std::string extension = "cpp";  ///< of its source

  [[nodiscard]] bool has_symbols() const { return variant != "stripped" && variant != "static"; }
  /// libc's code is the program's own.
  [[nodiscard]] bool is_static() const {
    return variant == "static" || (extension == "c" && variant != "shared");
  }
  /// What a fact may need: debug_information, symbols, library_symbols.
  [[nodiscard]] bool has(const std::string& what) const;
};

void PrintTo(const SampleCase& sample, std::ostream* out);

/// All samples with all their arguments, built in these ways, as the build lists them.
std::vector<SampleCase> list_samples(const std::set<std::string>& variants);

/// A running sample. After the constructor it has told its truth and all its waiting threads are
/// blocked where it says; or `skip_reason` is set.
class SampleRun {
 public:
  /// `wrapper`: a command that ends by executing the words after it.
  explicit SampleRun(const SampleCase& sample, const Command& wrapper = {});

  [[nodiscard]] const Truth& truth() const { return truth_; }
  [[nodiscard]] std::string target() const { return std::to_string(truth_.pid); }
  [[nodiscard]] const std::string& skip_reason() const { return truth_.skip; }
  [[nodiscard]] Subprocess& process() { return process_; }

 private:
  Truth truth_;
  Subprocess process_;
};

/// The function of the sample's own code at a frame's offset ("0x11e0"), for a variant that has the
/// O2 variant's code without its symbols; empty when there is none.
std::string name_code(const SampleCase& sample, const std::string& module_offset);

/// A core that gcore wrote of a process, deleted at the end. `path` is empty when `why_not` tells
/// why there is none.
class GCore {
 public:
  explicit GCore(int pid);
  ~GCore();
  GCore(const GCore&) = delete;
  GCore& operator=(const GCore&) = delete;

  std::string path;
  std::string why_not;

 private:
  std::filesystem::path directory_;
};

/// A directory for one test's files, deleted at the end.
std::filesystem::path make_test_directory();

/// The numbers in /proc/TID/syscall; empty while it runs.
std::vector<std::uint64_t> read_syscall(int tid);

/// pstuck's own path, with words after it.
Command pstuck_command(const Command& words);

}  // namespace pstuck::testing
