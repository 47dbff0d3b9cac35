#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attach/snapshot_file.h"
#include "cli/output.h"
#include "cli/report.h"

namespace pstuck {

/// A directory for the files about one hang.
class Artifacts {
 public:
  /// Makes the directory. Throws Error.
  explicit Artifacts(std::string directory);

  [[nodiscard]] std::string path(std::string_view name) const;

  /// Throws Error.
  void write(const std::string& name, const std::string& text,
             FileAccess access = FileAccess::kAsUsual);

  /// A file that was written in another way.
  void add(const std::string& name) { names_.push_back(name); }

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  std::string directory_;
  std::vector<std::string> names_;
};

/// "hangs/%n.%p" as the name of a file or directory: %n is the name of the program, %p its process
/// id, %t the time like 20251123T223005Z, %% a %.
std::string expand_name(std::string_view pattern, std::string_view program, Tid process);

/// The reports in every format, each in a file, and the snapshot that gives them again. What cannot
/// be written is told on standard error, and the others are.
void write_reports(const Reports& reports, const SnapshotFile& snapshot, Artifacts& artifacts);

/// The targets that a finding is about; where there is none, all.
std::vector<ProcessIndex> find_hanging(const Reports& reports);

}  // namespace pstuck
