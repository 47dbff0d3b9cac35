// Which files of this machine may stand in for the modules of a core.
//
// Cores leave out code and constants, so without the files there are no names and no unwinding. A
// file is taken when its build ID equals the one in the dumped first page of the module. A core can
// lack that page: it is cut off, or coredump_filter left headers out (core(5), bit 4). Then the
// file must at least fit the memory map, and a blind spot says that nothing better was known.
//
// A file's bytes stand in for memory only where nothing can have changed them: where both the
// memory map and the file's own program header are without write permission. The map alone is not
// enough: .data.rel.ro is read-only by the time of the dump, but was relocated before.

#include "attach/core_modules.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "attach/elf_image.h"
#include "attach/error.h"

namespace pstuck {
namespace {

enum class Match { kSame, kDifferent, kUnknown };

Match compare_build_ids(const std::optional<ElfImage>& in_core, const ElfImage& file) {
  const std::string id = in_core ? in_core->build_id : std::string();
  if (!id.empty()) return id == file.build_id ? Match::kSame : Match::kDifferent;
  const bool has_none = in_core && in_core->read_entirely;
  return has_none && !file.build_id.empty() ? Match::kDifferent : Match::kUnknown;
}

std::string build_id_words(const std::string& build_id) {
  return build_id.empty() ? "no build ID" : "build ID " + build_id;
}

/// The part of the file that the mapping shows; null when the file was not mapped like that.
const ElfSegment* find_file_segment(const ElfImage& file, std::uint64_t bias,
                                    const Mapping& mapping) {
  const std::uint64_t start = mapping.start.value - bias;
  const std::uint64_t size = mapping.end - mapping.start;
  for (const ElfSegment& segment : file.segments) {
    const std::uint64_t first = page_floor(segment.address);
    const std::uint64_t last = page_floor(segment.address + segment.memory_size + kPageSize - 1);
    if (start < first || start >= last || size > last - start) continue;
    if (mapping.file_offset == page_floor(segment.offset) + (start - first)) return &segment;
  }
  return nullptr;
}

/// One module's search for its file.
class FileSearch {
 public:
  FileSearch(const CoreFile& core, std::span<Mapping> mappings, Memory& memory, LocalFiles& found)
      : core_(core), mappings_(mappings), memory_(memory), found_(found) {}

  /// False when the mappings were no module after all: its file is not ELF.
  bool find(Module& module, bool is_executable, const std::string& stand_in);

 private:
  [[nodiscard]] std::span<Mapping> mappings_of(const Module& module) const;
  [[nodiscard]] bool fits(const Module& module, const ElfImage& file) const;
  std::optional<std::string> find_difference(const Module& module,
                                             const std::optional<ElfImage>& in_core,
                                             const std::optional<ElfImage>& file,
                                             const std::string& stand_in);
  void learn_permissions(const Module& module, const ElfImage& image);
  void refuse(bool is_executable, const std::string& why);
  void take_file(Module& module, const std::string& path, std::unique_ptr<FileMemory> file,
                 const ElfImage& image);
  void add_piece(const Mapping& mapping, Address start, FileMemory& file);

  const CoreFile& core_;
  std::span<Mapping> mappings_;
  Memory& memory_;
  LocalFiles& found_;
};

[[noreturn]] void throw_unusable(const std::string& path, int error) {
  throw Error(ErrorKind::kUnreadable,
              error != 0 ? fmt::format("cannot read {}: {}", path, std::strerror(error))
                         : fmt::format("{} is not an ELF file of 64-bit x86-64", path),
              "pass the program that dumped the core with --exe FILE");
}

bool FileSearch::find(Module& module, bool is_executable, const std::string& stand_in) {
  if (!module.path.starts_with('/')) return true;
  const auto in_core = read_elf_image(memory_, module.start);
  if (in_core) learn_permissions(module, *in_core);
  const std::string& path = stand_in.empty() ? module.path : stand_in;
  auto file = std::make_unique<FileMemory>(path);
  if (file->size() == 0) {
    if (!stand_in.empty()) throw_unusable(path, file->error());
    found_.blind_spots.push_back({BlindSpotKind::kModuleFileMissing, path});
    return true;
  }
  const auto image = read_elf_file(*file);
  if (!image && !stand_in.empty()) throw_unusable(path, 0);
  if (!image && !in_core) return false;

  const std::optional<std::string> why_not = find_difference(module, in_core, image, stand_in);
  if (why_not) {
    refuse(is_executable, *why_not);
    return true;
  }
  if (!in_core) learn_permissions(module, *image);
  take_file(module, path, std::move(file), *image);
  return true;
}

/// What tells that the file is not the module's; a blind spot where nothing can tell.
std::optional<std::string> FileSearch::find_difference(const Module& module,
                                                       const std::optional<ElfImage>& in_core,
                                                       const std::optional<ElfImage>& file,
                                                       const std::string& stand_in) {
  const std::string& path = stand_in.empty() ? module.path : stand_in;
  const Match match = file ? compare_build_ids(in_core, *file) : Match::kDifferent;
  if (match == Match::kDifferent) {
    return fmt::format("{} has {}, but {} in the core has {}", path,
                       build_id_words(file ? file->build_id : std::string()), module.path,
                       build_id_words(module.build_id));
  }
  if (match == Match::kSame) return {};
  if (stand_in.empty() && !fits(module, *file)) {
    return fmt::format("{} has other segments than the file of that name in the core", path);
  }
  found_.blind_spots.push_back({BlindSpotKind::kBuildIdUnknown, path});
  return {};
}

void FileSearch::refuse(bool is_executable, const std::string& why) {
  if (is_executable) {
    throw Error(ErrorKind::kMismatch, why,
                "pass the program file that was running with --exe FILE");
  }
  found_.blind_spots.push_back({BlindSpotKind::kBuildIdMismatch, why});
}

std::span<Mapping> FileSearch::mappings_of(const Module& module) const {
  const auto first = std::ranges::lower_bound(mappings_, module.start, {}, &Mapping::start);
  const auto last = std::ranges::lower_bound(mappings_, module.end, {}, &Mapping::start);
  return {first, last};
}

/// gcore writes no segments for code and constants, so that only the program headers tell them
/// apart.
void FileSearch::learn_permissions(const Module& module, const ElfImage& image) {
  const std::uint64_t bias = load_bias(image, module.start);
  for (Mapping& mapping : mappings_of(module)) {
    if (mapping.path != module.path || core_.find_segment(mapping.start)) continue;
    const ElfSegment* segment = find_file_segment(image, bias, mapping);
    if (segment) mapping.executable = segment->executable;
  }
}

bool FileSearch::fits(const Module& module, const ElfImage& file) const {
  const std::uint64_t bias = load_bias(file, module.start);
  return std::ranges::all_of(mappings_of(module), [&](const Mapping& mapping) {
    if (mapping.path != module.path) return true;
    // ld.so keeps the holes between segments mapped without any permission.
    const bool hole = !mapping.readable && !mapping.writable && !mapping.executable;
    return hole || find_file_segment(file, bias, mapping) != nullptr;
  });
}

void FileSearch::take_file(Module& module, const std::string& path,
                           std::unique_ptr<FileMemory> file, const ElfImage& image) {
  module.local_file = path;
  const std::uint64_t bias = load_bias(image, module.start);
  for (Mapping& mapping : mappings_of(module)) {
    if (mapping.path != module.path || mapping.writable) continue;
    const ElfSegment* segment = find_file_segment(image, bias, mapping);
    if (!segment || segment->writable) continue;
    const CoreSegment* in_core = core_.find_segment(mapping.start);
    const Address dumped_end = in_core ? in_core->start + in_core->dumped_size : mapping.start;
    add_piece(mapping, std::max(mapping.start, dumped_end), *file);
  }
  found_.files.push_back(std::move(file));
}

/// Lets the file stand in for the mapping from `start` on.
void FileSearch::add_piece(const Mapping& mapping, Address start, FileMemory& file) {
  if (start >= mapping.end) return;
  const std::uint64_t offset = mapping.file_offset + (start - mapping.start);
  if (offset < mapping.file_offset || offset >= file.size()) return;
  const std::uint64_t size = std::min<std::uint64_t>(mapping.end - start, file.size() - offset);
  found_.pieces.push_back({.start = start, .in_file = {{offset}, {offset + size}}, .file = &file});
}

}  // namespace

LocalFiles find_local_files(const CoreFile& core, std::span<Mapping> mappings, Memory& memory,
                            std::vector<Module>& modules, std::optional<std::size_t> executable,
                            const std::string& executable_file) {
  LocalFiles found;
  FileSearch search(core, mappings, memory, found);
  std::size_t index = 0;
  std::erase_if(modules, [&](Module& module) {
    const bool is_executable = index++ == executable;
    return !search.find(module, is_executable, is_executable ? executable_file : std::string());
  });
  return found;
}

}  // namespace pstuck
