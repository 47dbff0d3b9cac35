#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attach/descriptor.h"
#include "attach/file_places.h"

struct Elf;

namespace pstuck {

/// A file that was opened, and where.
struct FoundFile {
  Descriptor descriptor;
  std::string path;
};

/// What is known about the file whose program or separate debug information is looked for.
struct FileIdentity {
  std::string path;        ///< as the target sees it
  std::string local_file;  ///< where it can be opened
  std::string build_id;    ///< lower-case hex; must not be empty
};

/// Looks for the file itself, by its build ID.
std::optional<FoundFile> find_program_file(const FileIdentity& identity, FilesByBuildId& files);

/// Looks for separate debug information: by build ID, then by the debug link, which may be empty,
/// under the debug directories ("/usr/lib/debug").
std::optional<FoundFile> find_debug_file(const FileIdentity& identity,
                                         const std::string& debug_link, FilesByBuildId& files,
                                         std::span<const std::string> directories);

/// A core may name any path: not open unless it is a regular file.
Descriptor open_regular_file(const std::string& path);

/// Lower-case hex; empty when the file has none.
std::string read_build_id(Elf* elf);

}  // namespace pstuck
