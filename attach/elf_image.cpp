#include "attach/elf_image.h"

#include <algorithm>

namespace pstuck {
namespace {

// Far above what linkers make, low enough that a forged header costs nothing.
constexpr std::size_t kMostHeaders = 512;
constexpr std::size_t kMostNoteBytes = 64 * 1024;

std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

/// None for what is no program or library of a machine that is known.
std::optional<Machine> find_image_machine(const Elf64_Ehdr& header) {
  const auto identity = identify_elf(std::as_bytes(std::span(&header, 1)));
  const bool is_image = identity && identity->is_64_bit && identity->is_little_endian &&
                        (identity->type == ET_EXEC || identity->type == ET_DYN);
  return is_image ? find_machine(identity->machine) : std::nullopt;
}

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

/// The program headers as far as they can be read; `complete` becomes false when some cannot.
std::vector<Elf64_Phdr> read_program_headers(Memory& memory, Address base, const Elf64_Ehdr& header,
                                             bool& complete) {
  std::vector<Elf64_Phdr> headers;
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMostHeaders) {
    complete = false;
    return headers;
  }
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const auto next =
        memory.read_object<Elf64_Phdr>(base + header.e_phoff + i * sizeof(Elf64_Phdr));
    complete = complete && next.has_value();
    if (!next) break;
    headers.push_back(*next);
  }
  return headers;
}

std::string find_build_id(Memory& memory, Address notes, const Elf64_Phdr& header, bool& complete) {
  std::vector<std::byte> bytes(std::min<std::uint64_t>(header.p_filesz, kMostNoteBytes));
  bytes.resize(memory.read(notes, bytes));
  complete = complete && bytes.size() == header.p_filesz;
  std::span<const std::byte> rest = bytes;
  while (const auto note = take_note(rest, header.p_align == 8 ? 8 : 4)) {
    if (note->type == NT_GNU_BUILD_ID && note->name == "GNU") return to_hex(note->content);
  }
  return {};
}

/// eu-strip leaves the program headers of a debug file as they were: only the sections tell.
bool has_code(Memory& file, const Elf64_Ehdr& header, const ElfImage& image) {
  if (header.e_shnum == 0 || header.e_shentsize != sizeof(Elf64_Shdr)) {
    return std::ranges::any_of(image.segments, [](const ElfSegment& segment) {
      return segment.executable && segment.file_size > 0;
    });
  }
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const auto section = file.read_object<Elf64_Shdr>({header.e_shoff + i * sizeof(Elf64_Shdr)});
    if (!section) break;
    const bool is_code = (section->sh_flags & SHF_EXECINSTR) != 0;
    if (is_code && section->sh_type != SHT_NOBITS) return true;
  }
  return false;
}

enum class Place { kFile, kMemory };

std::optional<ElfImage> read_image(Memory& memory, Address base, Place place) {
  const auto header = memory.read_object<Elf64_Ehdr>(base);
  const auto machine = header ? find_image_machine(*header) : std::nullopt;
  if (!machine) return {};
  ElfImage image{.machine = *machine, .header_table = header->e_phoff, .read_entirely = true};
  const auto headers = read_program_headers(memory, base, *header, image.read_entirely);
  for (const Elf64_Phdr& load : headers) {
    if (load.p_type == PT_DYNAMIC) image.dynamic = load.p_vaddr;
    if (load.p_type != PT_LOAD) continue;
    image.segments.push_back({.address = load.p_vaddr,
                              .offset = load.p_offset,
                              .file_size = load.p_filesz,
                              .memory_size = load.p_memsz,
                              .writable = (load.p_flags & PF_W) != 0,
                              .executable = (load.p_flags & PF_X) != 0});
  }
  const std::uint64_t bias = load_bias(image, base);
  for (const Elf64_Phdr& notes : headers) {
    if (notes.p_type != PT_NOTE || !image.build_id.empty()) continue;
    const Address at =
        place == Place::kFile ? base + notes.p_offset : Address{bias} + notes.p_vaddr;
    image.build_id = find_build_id(memory, at, notes, image.read_entirely);
  }
  image.has_code = place == Place::kFile && has_code(memory, *header, image);
  return image;
}

}  // namespace

std::optional<ElfIdentity> identify_elf(std::span<const std::byte> beginning) {
  // Both classes agree on these first bytes.
  std::array<unsigned char, 20> bytes;
  if (beginning.size() < bytes.size()) return {};
  std::memcpy(bytes.data(), beginning.data(), bytes.size());
  if (std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0) return {};
  ElfIdentity identity{.is_64_bit = bytes[EI_CLASS] == ELFCLASS64,
                       .is_little_endian = bytes[EI_DATA] != ELFDATA2MSB};
  const auto half = [&](std::size_t at) {
    const std::size_t low = identity.is_little_endian ? at : at + 1;
    return static_cast<std::uint16_t>(bytes[low] | bytes[2 * at + 1 - low] << 8);
  };
  identity.type = half(16);
  identity.machine = half(18);
  return identity;
}

std::optional<Machine> find_machine(std::uint16_t number) {
  if (number == EM_X86_64) return Machine::kX86_64;
  if (number == EM_AARCH64) return Machine::kAArch64;
  return std::nullopt;
}

std::string_view machine_name(Machine machine) {
  return machine == Machine::kAArch64 ? "AArch64" : "x86-64";
}

std::uint64_t note_size(const Elf64_Nhdr& header, std::size_t alignment) {
  const std::uint64_t content = align_up(sizeof header + std::uint64_t{header.n_namesz}, alignment);
  return align_up(content + header.n_descsz, alignment);
}

std::optional<ElfNote> take_note(std::span<const std::byte>& notes, std::size_t alignment) {
  Elf64_Nhdr header;
  if (notes.size() < sizeof header) return {};
  std::memcpy(&header, notes.data(), sizeof header);
  const std::uint64_t content = align_up(sizeof header + std::uint64_t{header.n_namesz}, alignment);
  const std::uint64_t end = content + header.n_descsz;
  if (end > notes.size()) return {};

  const auto* name = reinterpret_cast<const char*>(notes.data()) + sizeof header;
  ElfNote note{.type = header.n_type,
               .name = std::string_view(name, header.n_namesz),
               .content = notes.subspan(content, header.n_descsz)};
  note.name = note.name.substr(0, note.name.find('\0'));
  notes = notes.subspan(std::min<std::uint64_t>(align_up(end, alignment), notes.size()));
  return note;
}

std::optional<ElfImage> read_elf_image(Memory& memory, Address header) {
  return read_image(memory, header, Place::kMemory);
}

std::optional<ElfImage> read_elf_file(Memory& file) {
  return read_image(file, Address{0}, Place::kFile);
}

std::uint64_t load_bias(const ElfImage& image, Address header) {
  for (const ElfSegment& segment : image.segments) {
    if (page_floor(segment.offset) == 0) return header.value - (segment.address - segment.offset);
  }
  return header.value;
}

}  // namespace pstuck
