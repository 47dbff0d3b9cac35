#pragma once

#include <functional>
#include <memory>
#include <string>

#include "attach/file_memory.h"

namespace pstuck {

/// The hint where something else was given.
inline constexpr const char* kWhatIsNeeded =
    "pstuck needs a PID or a core, such as gcore PID makes";

/// Where a core's bytes come from, so that they can be read in any order: from the file itself, or
/// from a temporary one where it is compressed or comes through a pipe.
struct CoreSource {
  std::string name;  ///< for sentences: the path, "standard input", "core.zst (unpacked with zstd)"
  std::unique_ptr<FileMemory> bytes;
  std::string damage;  ///< why unpacking ended too early; empty when it did not
};

/// Is given the first bytes, unpacked and in any number; what it throws is passed on.
using CoreCheck = std::function<void(const std::string& name, std::span<const std::byte>)>;

/// In MiB; `total` is 0 where it is not known.
using CoreProgress = std::function<void(std::size_t done, std::size_t total)>;

/// `path` "-" is standard input. `check` is called before the rest is unpacked. `progress` may be
/// empty. Throws Error.
CoreSource open_core_source(const std::string& path, const CoreCheck& check,
                            const CoreProgress& progress);

}  // namespace pstuck
