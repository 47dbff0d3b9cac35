#pragma once

#include <elf.h>

#include <string>
#include <vector>

#include "attach/core_source.h"
#include "attach/memory.h"

namespace pstuck {

/// A range of the dumped process's memory: one PT_LOAD.
struct CoreSegment {
  Address start;
  Address end;
  /// The part from `start` on that the dumper wrote. What follows was left out, and is not zero.
  std::uint64_t dumped_size = 0;
  AddressRange in_file;  ///< offsets; shorter than `dumped_size` where the core is cut off
  bool readable = false;
  bool writable = false;
  bool executable = false;
};

/// The ELF core of a 64-bit process with its program headers taken apart.
class CoreFile {
 public:
  /// As open_core_source(). Throws Error where the file is no core, or cut off before its program
  /// headers.
  CoreFile(const std::string& path, const CoreProgress& progress);

  /// What it is called in sentences.
  [[nodiscard]] const std::string& name() const { return source_.name; }
  [[nodiscard]] Machine machine() const { return machine_; }
  /// By offset.
  [[nodiscard]] Memory& bytes() const { return *source_.bytes; }
  /// Why unpacking it ended too early; empty when it did not.
  [[nodiscard]] const std::string& damage() const { return source_.damage; }
  /// Ascending, not overlapping.
  [[nodiscard]] const std::vector<CoreSegment>& segments() const { return segments_; }
  /// Null where no segment covers the address.
  [[nodiscard]] const CoreSegment* find_segment(Address at) const;
  /// Offsets.
  [[nodiscard]] const std::vector<AddressRange>& notes() const { return notes_; }
  /// What the program headers promise behind the file's end.
  [[nodiscard]] std::uint64_t missing_bytes() const { return missing_bytes_; }

 private:
  void read_program_headers();
  void add_part(const Elf64_Phdr& part);
  void sort_segments();

  CoreSource source_;
  Machine machine_ = Machine::kX86_64;
  std::vector<CoreSegment> segments_;
  std::vector<AddressRange> notes_;
  std::uint64_t missing_bytes_ = 0;
};

}  // namespace pstuck
