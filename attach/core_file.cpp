#include "attach/core_file.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>

#include "attach/elf_image.h"
#include "attach/error.h"

namespace pstuck {
namespace {

// Each is a mapping: some systems allow 16 million (vm.max_map_count), none has them.
constexpr std::uint64_t kMostProgramHeaders = std::uint64_t{1} << 22;

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool is_text(std::string_view beginning) {
  return std::ranges::all_of(beginning, [](unsigned char c) {
    return c >= 0x20 ? c != 0x7f : (c >= '\t' && c <= '\r') || c == 0x1b;
  });
}

[[noreturn]] void throw_not_elf(const std::string& name, std::span<const std::byte> bytes) {
  const std::string_view beginning(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (beginning.empty()) {
    throw Error(ErrorKind::kNotACore, fmt::format("{} is empty", name),
                "the dump failed: look for a full disk, and at ulimit -c");
  }
  throw Error(ErrorKind::kNotACore,
              fmt::format("{} is {}", name,
                          is_text(beginning) ? "a text file, not an ELF core" : "not an ELF core"),
              kWhatIsNeeded);
}

std::string elf_machine_name(std::uint16_t number) {
  if (const auto machine = find_machine(number)) return std::string(machine_name(*machine));
  switch (number) {
    case EM_386:
      return "i386";
    case EM_ARM:
      return "ARM";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "64-bit POWER";
    case EM_S390:
      return "s390";
    default:
      return fmt::format("ELF machine {}", number);
  }
}

void check_beginning(const std::string& name, std::span<const std::byte> bytes) {
  const auto found = identify_elf(bytes);
  if (!found) throw_not_elf(name, bytes);
  const ElfIdentity& identity = *found;
  if (identity.type != ET_CORE) {
    throw Error(
        ErrorKind::kNotACore, fmt::format("{} is an ELF file but not a core", name),
        fmt::format("pstuck needs a PID or a core; to look at a running {0}: pstuck $(pidof {0})",
                    base_name(name)));
  }
  constexpr auto kHint = "pstuck reads cores of 64-bit processes on x86-64 and AArch64";
  if (!identity.is_little_endian) {
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{} is the core of a big-endian process ({})", name,
                            elf_machine_name(identity.machine)),
                kHint);
  }
  if (!identity.is_64_bit) {
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{} is the core of a 32-bit process ({})", name,
                            elf_machine_name(identity.machine)),
                kHint);
  }
  if (!find_machine(identity.machine)) {
    throw Error(
        ErrorKind::kUnsupported,
        fmt::format("{} is the core of a process on {}", name, elf_machine_name(identity.machine)),
        kHint);
  }
}

[[noreturn]] void throw_cut_headers(const std::string& name, std::uint64_t size) {
  throw Error(ErrorKind::kUnreadable,
              fmt::format("{} is cut off after {} bytes, before its program headers", name, size),
              "dump again: gcore PID, or with ulimit -c unlimited and room on the disk");
}

/// The part of a file's range that the file really has.
AddressRange clip(std::uint64_t file_size, std::uint64_t offset, std::uint64_t size) {
  if (offset >= file_size) return {};
  return {{offset}, {offset + std::min(size, file_size - offset)}};
}

/// More than 65,534 program headers do not fit their field: the first section header has the
/// number (elf(5), PN_XNUM). It stands at the end, so a cut core has lost it.
std::uint64_t count_program_headers(Memory& file, const Elf64_Ehdr& header) {
  if (header.e_phnum != PN_XNUM) return header.e_phnum;
  const auto section = file.read_object<Elf64_Shdr>({header.e_shoff});
  return section ? section->sh_info : PN_XNUM;
}

CoreSegment make_segment(const Elf64_Phdr& load, AddressRange in_file) {
  const std::uint64_t dumped = std::min(load.p_filesz, load.p_memsz);
  in_file.end = std::min(in_file.end, in_file.start + dumped);
  return {.start = {load.p_vaddr},
          .end = Address{load.p_vaddr} + load.p_memsz,
          .dumped_size = dumped,
          .in_file = in_file,
          .readable = (load.p_flags & PF_R) != 0,
          .writable = (load.p_flags & PF_W) != 0,
          .executable = (load.p_flags & PF_X) != 0};
}

}  // namespace

CoreFile::CoreFile(const std::string& path, const CoreProgress& progress)
    : source_(open_core_source(path, check_beginning, progress)) {
  read_program_headers();
  sort_segments();
}

void CoreFile::read_program_headers() {
  FileMemory& file = *source_.bytes;
  const auto header = file.read_object<Elf64_Ehdr>({0});
  if (!header) throw_cut_headers(name(), file.size());
  if (const auto machine = find_machine(header->e_machine)) machine_ = *machine;
  if (header->e_phentsize != sizeof(Elf64_Phdr)) {
    throw Error(ErrorKind::kNotACore, fmt::format("{} has no program headers of a core", name()),
                kWhatIsNeeded);
  }
  const std::uint64_t count = count_program_headers(file, *header);
  if (count > kMostProgramHeaders) {
    throw Error(ErrorKind::kNotACore,
                fmt::format("{} has {} program headers, more than any core", name(), count),
                kWhatIsNeeded);
  }
  const AddressRange table = clip(file.size(), header->e_phoff, count * sizeof(Elf64_Phdr));
  if (table.size() < count * sizeof(Elf64_Phdr)) throw_cut_headers(name(), file.size());
  for (Address at = table.start; at < table.end; at = at + sizeof(Elf64_Phdr)) {
    const auto part = file.read_object<Elf64_Phdr>(at);
    if (!part) throw_cut_headers(name(), file.size());
    if (part->p_type == PT_LOAD || part->p_type == PT_NOTE) add_part(*part);
  }
}

void CoreFile::add_part(const Elf64_Phdr& part) {
  const AddressRange in_file = clip(source_.bytes->size(), part.p_offset, part.p_filesz);
  const std::uint64_t missing = part.p_filesz - in_file.size();
  missing_bytes_ += std::min(missing, UINT64_MAX - missing_bytes_);
  if (part.p_type == PT_NOTE) notes_.push_back(in_file);
  if (part.p_type == PT_LOAD) segments_.push_back(make_segment(part, in_file));
}

void CoreFile::sort_segments() {
  std::ranges::stable_sort(segments_, {}, &CoreSegment::start);
  Address end;
  std::erase_if(segments_, [&](const CoreSegment& segment) {
    if (segment.start < end || segment.end <= segment.start) return true;
    end = segment.end;
    return false;
  });
}

const CoreSegment* CoreFile::find_segment(Address at) const {
  const auto after = std::ranges::upper_bound(segments_, at, {}, &CoreSegment::start);
  if (after == segments_.begin()) return nullptr;
  const CoreSegment& segment = *std::prev(after);
  return at < segment.end ? &segment : nullptr;
}

}  // namespace pstuck
