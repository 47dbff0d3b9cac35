#pragma once

/// A saved snapshot: what one run of pstuck got from its targets, in one file that needs nothing
/// else. A skippable zstd frame that says what it is, then a zstd frame with a checksum, of CBOR.
/// snapshot_file.cddl has the schema.

#include <string>
#include <vector>

#include "attach/recording.h"

namespace pstuck {

/// One process of a saved snapshot.
struct SavedProcess {
  bool followed = false;      ///< not asked for: somebody who was waits for it
  bool from_outside = false;  ///< it was looked at without its stacks and files
  Recording recording;
  std::vector<std::byte> symbols;  ///< what its program's files told, in CBOR; may be empty
};

/// A process that was to be looked at, but could not be.
struct SavedUnseen {
  Tid pid;
  std::string why;
};

struct SnapshotFile {
  /// The version of the schema: raised when an older pstuck would misread a file.
  static constexpr std::uint32_t kVersion = 1;

  std::uint32_t version = kVersion;
  std::string written_by;  ///< "pstuck 0.1.0"
  std::string host;        ///< empty when redacted
  bool redacted = false;
  std::vector<SavedProcess> processes;  ///< those asked for, then the followed
  std::vector<SavedUnseen> unseen;
};

/// The file's bytes.
std::string encode_snapshot_file(const SnapshotFile& file);

/// Whether a file begins as a saved snapshot does; false when it cannot be read.
bool is_snapshot_file(const std::string& path);

/// Throws Error that says what is wrong with the file.
SnapshotFile read_snapshot_file(const std::string& path);

/// The same of its CBOR; `path` is only named. Every item has its type, threads, mappings and the
/// like are in order; nothing else is promised.
SnapshotFile restore_snapshot_file(std::span<const std::byte> cbor, const std::string& path);

}  // namespace pstuck
