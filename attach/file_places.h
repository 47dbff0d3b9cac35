#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pstuck {

/// Where files of modules may be that are not where the target had them.
struct FilePlaces {
  std::string sysroot;                         ///< --sysroot: the target's "/"; empty: this one's
  std::vector<std::string> debug_directories;  ///< --debug-dir, as they were given
};

/// Where the path leads inside the sysroot, also over absolute symbolic links.
std::string resolve_in_sysroot(const std::string& sysroot, const std::string& path);

/// The directories of debug information, the chosen ones first, then the systems' own.
std::vector<std::string> debug_directories_of(const FilePlaces& places);

/// Finds files by their build ID as .build-id/xx/yyyy below a directory, or directly in it under
/// any name. Whoever opens one checks its build ID: links can be stale.
class FilesByBuildId {
 public:
  explicit FilesByBuildId(std::vector<std::string> directories)
      : directories_(std::move(directories)) {}

  /// Files with code and constants; `build_id` is in lower-case hex.
  std::vector<std::string> find_programs(const std::string& build_id);
  /// Files with debug information, as far as their names or their lack of code tell.
  std::vector<std::string> find_debug_files(const std::string& build_id);

 private:
  struct PlainFile {
    std::string path;
    bool has_code = false;
  };

  std::vector<std::string> find(const std::string& build_id, const char* suffix);
  void list_plain_files();

  std::vector<std::string> directories_;
  std::optional<std::multimap<std::string, PlainFile>> plain_files_;  // by build ID
};

}  // namespace pstuck
