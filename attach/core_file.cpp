#include "attach/core_file.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "attach/elf_image.h"
#include "attach/error.h"

namespace pstuck {
namespace {

constexpr std::string_view kWhatIsNeeded = "pstuck needs a PID or a core, such as gcore PID makes";

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

[[noreturn]] void throw_unreadable(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      throw Error(ErrorKind::kUnreadable, fmt::format("there is no file {}", path),
                  std::string(kWhatIsNeeded));
    case EISDIR:
      throw Error(ErrorKind::kNotACore, fmt::format("{} is a directory", path),
                  std::string(kWhatIsNeeded));
    case EINVAL:
      throw Error(ErrorKind::kNotACore, fmt::format("{} is not a regular file", path),
                  "write the core to a file first: pstuck reads it in any order");
    case EACCES:
    case EPERM:
      throw Error(ErrorKind::kUnreadable, fmt::format("not permitted to read {}", path),
                  "run pstuck as the user who owns the file, or as root");
    default:
      throw Error(ErrorKind::kUnreadable,
                  fmt::format("cannot read {}: {}", path, std::strerror(error)),
                  std::string(kWhatIsNeeded));
  }
}

struct Compression {
  std::string_view magic;
  std::string_view tool;
};
constexpr std::array kCompressions = {
    Compression{"\x28\xb5\x2f\xfd", "zstd"},
    Compression{"\x1f\x8b", "gzip"},
    Compression{"\xfd\x37\x7a\x58\x5a", "xz"},
    Compression{"\x04\x22\x4d\x18", "lz4"},
};

bool is_text(std::string_view beginning) {
  return std::ranges::all_of(beginning, [](unsigned char c) {
    return c >= 0x20 ? c != 0x7f : (c >= '\t' && c <= '\r') || c == 0x1b;
  });
}

[[noreturn]] void throw_not_elf(const std::string& path, std::span<const std::byte> bytes) {
  const std::string_view beginning(reinterpret_cast<const char*>(bytes.data()),
                                   std::min<std::size_t>(bytes.size(), 512));
  for (const Compression& compression : kCompressions) {
    if (!beginning.starts_with(compression.magic)) continue;
    throw Error(ErrorKind::kNotACore,
                fmt::format("{} is compressed with {}", path, compression.tool),
                fmt::format("unpack it first: {} -dc {} > core", compression.tool, path));
  }
  if (beginning.empty()) {
    throw Error(ErrorKind::kNotACore, fmt::format("{} is empty", path),
                "the dump failed: look for a full disk, and at ulimit -c");
  }
  throw Error(ErrorKind::kNotACore,
              fmt::format("{} is {}", path,
                          is_text(beginning) ? "a text file, not an ELF core" : "not an ELF core"),
              std::string(kWhatIsNeeded));
}

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_386:
      return "i386";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "ARM";
    case EM_AARCH64:
      return "AArch64";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "64-bit POWER";
    case EM_S390:
      return "s390";
    default:
      return fmt::format("ELF machine {}", machine);
  }
}

void check_identity(const std::string& path, const ElfIdentity& identity) {
  if (identity.type != ET_CORE) {
    const std::string name = base_name(path);
    throw Error(
        ErrorKind::kNotACore, fmt::format("{} is an ELF file but not a core", path),
        fmt::format("pstuck needs a PID or a core; to look at a running {0}: pstuck $(pidof {0})",
                    name));
  }
  constexpr auto kHint = "pstuck reads cores of 64-bit x86-64 processes";
  if (!identity.is_little_endian) {
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{} is the core of a big-endian process ({})", path,
                            machine_name(identity.machine)),
                kHint);
  }
  if (!identity.is_64_bit) {
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{} is the core of a 32-bit process ({})", path,
                            machine_name(identity.machine)),
                kHint);
  }
  if (identity.machine != EM_X86_64) {
    throw Error(
        ErrorKind::kUnsupported,
        fmt::format("{} is the core of a process on {}", path, machine_name(identity.machine)),
        kHint);
  }
}

[[noreturn]] void throw_cut_headers(const std::string& path, std::size_t size) {
  throw Error(ErrorKind::kUnreadable,
              fmt::format("{} is cut off after {} bytes, before its program headers", path, size),
              "dump again: gcore PID, or with ulimit -c unlimited and room on the disk");
}

/// The part of a file's range that the file really has.
std::span<const std::byte> clip(std::span<const std::byte> file, std::uint64_t offset,
                                std::uint64_t size) {
  if (offset >= file.size()) return {};
  return file.subspan(offset, std::min<std::uint64_t>(size, file.size() - offset));
}

template <typename T>
std::optional<T> object_at(std::span<const std::byte> file, std::uint64_t offset) {
  const auto bytes = clip(file, offset, sizeof(T));
  if (bytes.size() < sizeof(T)) return {};
  T object;
  std::memcpy(&object, bytes.data(), sizeof object);
  return object;
}

/// More than 65,534 program headers do not fit their field: the first section header has the
/// number (elf(5), PN_XNUM). It stands at the end, so a cut core has lost it.
std::uint64_t count_program_headers(std::span<const std::byte> file, const Elf64_Ehdr& header) {
  if (header.e_phnum != PN_XNUM) return header.e_phnum;
  const auto section = object_at<Elf64_Shdr>(file, header.e_shoff);
  return section ? section->sh_info : PN_XNUM;
}

CoreSegment make_segment(const Elf64_Phdr& load, std::span<const std::byte> bytes) {
  const std::uint64_t dumped = std::min(load.p_filesz, load.p_memsz);
  return {.start = {load.p_vaddr},
          .end = Address{load.p_vaddr} + load.p_memsz,
          .dumped_size = dumped,
          .bytes = clip(bytes, 0, dumped),
          .readable = (load.p_flags & PF_R) != 0,
          .writable = (load.p_flags & PF_W) != 0,
          .executable = (load.p_flags & PF_X) != 0};
}

}  // namespace

CoreFile::CoreFile(const std::string& path) : path_(path), file_(path) {
  if (file_.error() != 0) throw_unreadable(path, file_.error());
  const auto identity = identify_elf(file_.bytes());
  if (!identity) throw_not_elf(path, file_.bytes());
  check_identity(path, *identity);
  read_program_headers();
  sort_segments();
}

void CoreFile::read_program_headers() {
  const std::span<const std::byte> file = file_.bytes();
  const auto header = object_at<Elf64_Ehdr>(file, 0);
  if (!header) throw_cut_headers(path_, file.size());
  if (header->e_phentsize != sizeof(Elf64_Phdr)) {
    throw Error(ErrorKind::kNotACore, fmt::format("{} has no program headers of a core", path_),
                std::string(kWhatIsNeeded));
  }
  const auto table = clip(file, header->e_phoff, UINT64_MAX);
  const std::uint64_t count = count_program_headers(file, *header);
  if (table.size() / sizeof(Elf64_Phdr) < count) throw_cut_headers(path_, file.size());

  for (std::uint64_t i = 0; i < count; ++i) {
    const auto part = *object_at<Elf64_Phdr>(table, i * sizeof(Elf64_Phdr));
    if (part.p_type != PT_LOAD && part.p_type != PT_NOTE) continue;
    const auto bytes = clip(file, part.p_offset, part.p_filesz);
    const std::uint64_t missing = part.p_filesz - bytes.size();
    missing_bytes_ += std::min(missing, UINT64_MAX - missing_bytes_);
    if (part.p_type == PT_NOTE) notes_.push_back(bytes);
    if (part.p_type == PT_LOAD) segments_.push_back(make_segment(part, bytes));
  }
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
