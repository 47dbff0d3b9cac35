#pragma once

/// Reads /proc: the file access apart from the parsing. Nothing here disturbs the target.

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attach/descriptor.h"
#include "attach/proc_parse.h"

namespace pstuck {

/// One directory under /proc, kept open: "/proc/48213", "/proc/48213/task".
class ProcDirectory {
 public:
  explicit ProcDirectory(const std::string& path);

  [[nodiscard]] bool exists() const { return directory_.is_open(); }

  /// At most `most` bytes of the file; empty when it cannot be opened or read.
  [[nodiscard]] std::optional<std::string> read(const std::string& name,
                                                std::size_t most = kMostBytes) const;

  /// A symbolic link's text; empty when it cannot be read.
  [[nodiscard]] std::string read_link(const std::string& name) const;

  /// A place in the file system that a link of the kernel's own leads to: "root", "cwd".
  [[nodiscard]] Descriptor open_place(const std::string& name) const;

  /// What stat(2) says of the file, or of the one that a link of the kernel's own leads to.
  bool read_status_of(const std::string& name, struct stat& status) const;

  /// The numeric entries, ascending.
  [[nodiscard]] std::vector<Tid> read_ids() const;

 private:
  static constexpr std::size_t kMostBytes = 64 * 1024 * 1024;

  Descriptor directory_;
};

/// "/proc/48213", or "/proc/48213/NAME".
std::string proc_path(Tid id, std::string_view name = {});

/// Both looks at a thread, before and after, read these the same way.
std::optional<SyscallFacts> read_syscall(const ProcDirectory& tasks, Tid thread);
std::optional<ContextSwitches> read_switches(const ProcDirectory& tasks, Tid thread);

}  // namespace pstuck
