#pragma once

#include <span>
#include <string>
#include <vector>

#include "attach/mapped_file.h"
#include "attach/snapshot.h"

namespace pstuck {

/// A range of the dumped process's memory: one PT_LOAD.
struct CoreSegment {
  Address start;
  Address end;
  /// The part from `start` on that the dumper wrote. What follows was left out, and is not zero.
  std::uint64_t dumped_size = 0;
  std::span<const std::byte> bytes;  ///< shorter than `dumped_size` where the core is cut off
  bool readable = false;
  bool writable = false;
  bool executable = false;
};

/// The file of an x86-64 ELF core, mapped, with its program headers taken apart.
class CoreFile {
 public:
  /// Throws Error where the file is none, or cut off before its program headers.
  explicit CoreFile(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Ascending, not overlapping.
  [[nodiscard]] const std::vector<CoreSegment>& segments() const { return segments_; }
  /// Null where no segment covers the address.
  [[nodiscard]] const CoreSegment* find_segment(Address at) const;
  [[nodiscard]] const std::vector<std::span<const std::byte>>& notes() const { return notes_; }
  /// What the program headers promise behind the file's end.
  [[nodiscard]] std::uint64_t missing_bytes() const { return missing_bytes_; }

 private:
  void read_program_headers();
  void sort_segments();

  std::string path_;
  MappedFile file_;
  std::vector<CoreSegment> segments_;
  std::vector<std::span<const std::byte>> notes_;
  std::uint64_t missing_bytes_ = 0;
};

}  // namespace pstuck
