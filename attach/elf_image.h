#pragma once

/// ELF files as they stand on disk or in a target's memory. Total on any bytes.

#include <elf.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attach/memory.h"
#include "attach/snapshot.h"

namespace pstuck {

inline constexpr std::uint64_t kPageSize = 4096;

constexpr std::uint64_t page_floor(std::uint64_t value, std::uint64_t page = kPageSize) {
  return value & ~(page - 1);
}

struct ElfIdentity {
  bool is_64_bit = false;
  bool is_little_endian = false;
  std::uint16_t type = 0;     ///< ET_* of elf.h
  std::uint16_t machine = 0;  ///< EM_* of elf.h
};

/// None when the bytes do not begin with an ELF header; the class and byte order may be any.
std::optional<ElfIdentity> identify_elf(std::span<const std::byte> beginning);

struct ElfNote {
  std::uint32_t type = 0;
  std::string_view name;  ///< without the NUL
  std::span<const std::byte> content;
};

/// From its header up to the next note.
std::uint64_t note_size(const Elf64_Nhdr& header, std::size_t alignment);

/// Takes the next note off the front; none at the end, and where the bytes make no whole note.
std::optional<ElfNote> take_note(std::span<const std::byte>& notes, std::size_t alignment);

/// A PT_LOAD program header.
struct ElfSegment {
  std::uint64_t address = 0;  ///< as linked
  std::uint64_t offset = 0;
  std::uint64_t file_size = 0;
  std::uint64_t memory_size = 0;
  bool writable = false;
  bool executable = false;
};

/// The 64-bit little-endian machines that pstuck knows, by e_machine of an ELF header.
std::optional<Machine> find_machine(std::uint16_t number);

std::string_view machine_name(Machine machine);

/// A program or library of one of these.
struct ElfImage {
  Machine machine = Machine::kX86_64;
  std::vector<ElfSegment> segments;
  std::uint64_t header_table = 0;        ///< offset of the program headers
  std::optional<std::uint64_t> dynamic;  ///< address of PT_DYNAMIC as linked
  std::string build_id;                  ///< lower-case hex; empty when none was found
  bool read_entirely = false;            ///< else a build ID may have been missed
  bool has_code = false;                 ///< of a file: it is more than a separate debug file
};

/// None when memory holds no such image there.
std::optional<ElfImage> read_elf_image(Memory& memory, Address header);

/// None when the file, addressed by offset, is no such image.
std::optional<ElfImage> read_elf_file(Memory& file);

/// What to add to the image's linked addresses when its header stands at `header`.
std::uint64_t load_bias(const ElfImage& image, Address header);

}  // namespace pstuck
