#pragma once

#include <string>

namespace pstuck {

/// Who may read a file that is new.
enum class FileAccess { kAsUsual, kOwnerOnly };

/// Writes to the file, or to standard output when `path` is empty or "-". A regular file appears
/// under its name only when it is complete. Throws Error.
void write_output(const std::string& path, const std::string& text,
                  FileAccess access = FileAccess::kAsUsual);

}  // namespace pstuck
