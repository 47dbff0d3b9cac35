// Which files of this machine may stand in for the modules of a core.
//
// Cores leave out code and constants, so without the files there are no names and no unwinding. A
// file is looked for where the module was, in the sysroot when there is one, then by its build ID
// in the directories of debug files. With a sysroot the files outside of it are those of another
// machine: they are the last ones that are tried.
//
// A file is taken when its build ID equals the one in the dumped first page of the module. A core
// can lack that page: it is cut off, or coredump_filter left headers out (core(5), bit 4). Then the
// file must at least fit the memory map, and a blind spot says that nothing better was known.
//
// A file's bytes stand in for memory only where nothing can have changed them: where both the
// memory map and the file's own program header are without write permission. The map alone is not
// enough: .data.rel.ro is read-only by the time of the dump, but was relocated before.

#include "attach/core_modules.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "attach/elf_image.h"
#include "attach/error.h"

namespace pstuck {
namespace {

enum class Match { kSame, kDifferent, kUnknown };

/// A file that may be a module's.
struct Candidate {
  std::string path;
  bool was_named = false;    ///< by --exe: it has to be the right one
  bool by_build_id = false;  ///< it is another file when it has another one, and no mismatch
};

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
                                    const Mapping& mapping, std::uint64_t page) {
  const std::uint64_t start = mapping.start.value - bias;
  const std::uint64_t size = mapping.end - mapping.start;
  for (const ElfSegment& segment : file.segments) {
    const std::uint64_t first = page_floor(segment.address, page);
    const std::uint64_t last = page_floor(segment.address + segment.memory_size + page - 1, page);
    if (start < first || start >= last || size > last - start) continue;
    if (mapping.file_offset == page_floor(segment.offset, page) + (start - first)) return &segment;
  }
  return nullptr;
}

/// One module's search for its file.
class FileSearch {
 public:
  FileSearch(const CoreFile& core, std::span<Mapping> mappings, Memory& memory,
             std::uint64_t page_size, const TargetOptions& options, LocalFiles& found)
      : core_(core),
        page_size_(page_size),
        mappings_(mappings),
        memory_(memory),
        options_(options),
        by_build_id_(debug_directories_of(options.places)),
        found_(found) {}

  /// False when the mappings were no module after all: its file is not ELF.
  bool find(Module& module, bool is_executable);

 private:
  enum class Outcome { kTaken, kAbsent, kRefused, kNoModule };

  std::vector<Candidate> list_candidates(const Module& module, bool is_executable);
  Outcome try_file(const Candidate& candidate, Module& module,
                   const std::optional<ElfImage>& in_core);
  [[nodiscard]] std::span<Mapping> mappings_of(const Module& module) const;
  [[nodiscard]] bool fits(const Module& module, const ElfImage& file) const;
  std::optional<std::string> find_difference(const Module& module,
                                             const std::optional<ElfImage>& in_core,
                                             const std::optional<ElfImage>& file,
                                             const Candidate& candidate);
  void learn_permissions(const Module& module, const ElfImage& image);
  void refuse(bool is_executable);
  void take_file(Module& module, const std::string& path, std::unique_ptr<FileMemory> file,
                 const ElfImage& image);
  void add_piece(const Mapping& mapping, Address start, FileMemory& file);

  const CoreFile& core_;
  std::uint64_t page_size_;
  std::span<Mapping> mappings_;
  Memory& memory_;
  const TargetOptions& options_;
  FilesByBuildId by_build_id_;
  LocalFiles& found_;
  std::string why_not_;  // what tells the first file that was refused from the module
};

[[noreturn]] void throw_unusable(const std::string& path, int error) {
  throw Error(ErrorKind::kUnreadable,
              error != 0 ? fmt::format("cannot read {}: {}", path, std::strerror(error))
                         : fmt::format("{} is no 64-bit ELF program for x86-64 or AArch64", path),
              "pass the program that dumped the core with --exe FILE");
}

/// The servers of debuginfod are asked later, and only for modules that frames lie in.
bool may_be_fetched(const Module& module) {
  const char* urls = std::getenv("DEBUGINFOD_URLS");
  return urls && *urls != '\0' && !module.build_id.empty();
}

bool FileSearch::find(Module& module, bool is_executable) {
  if (!module.path.starts_with('/')) return true;
  const auto in_core = read_elf_image(memory_, module.start);
  if (in_core) learn_permissions(module, *in_core);
  why_not_.clear();
  for (const Candidate& candidate : list_candidates(module, is_executable)) {
    const Outcome outcome = try_file(candidate, module, in_core);
    if (outcome == Outcome::kTaken) return true;
    if (outcome == Outcome::kNoModule) return false;
  }
  if (!why_not_.empty()) {
    refuse(is_executable);
  } else if (!may_be_fetched(module)) {
    found_.blind_spots.push_back({BlindSpotKind::kModuleFileMissing, module.path});
  }
  return true;
}

std::vector<Candidate> FileSearch::list_candidates(const Module& module, bool is_executable) {
  if (is_executable && !options_.executable.empty()) {
    return {{.path = options_.executable, .was_named = true}};
  }
  const std::string& sysroot = options_.places.sysroot;
  const bool is_elsewhere = !sysroot.empty();
  std::vector<Candidate> candidates = {
      {.path = is_elsewhere ? resolve_in_sysroot(sysroot, module.path) : module.path}};
  if (module.build_id.empty()) return candidates;
  for (const std::string& path : by_build_id_.find_programs(module.build_id)) {
    candidates.push_back({.path = path, .by_build_id = true});
  }
  if (is_elsewhere) candidates.push_back({.path = module.path, .by_build_id = true});
  return candidates;
}

FileSearch::Outcome FileSearch::try_file(const Candidate& candidate, Module& module,
                                         const std::optional<ElfImage>& in_core) {
  auto file = std::make_unique<FileMemory>(candidate.path);
  if (file->size() == 0) {
    if (candidate.was_named) throw_unusable(candidate.path, file->error());
    return Outcome::kAbsent;
  }
  const auto image = read_elf_file(*file);
  if (!image && candidate.was_named) throw_unusable(candidate.path, 0);
  if (!image && !in_core) return Outcome::kNoModule;

  const std::optional<std::string> difference = find_difference(module, in_core, image, candidate);
  if (difference) {
    if (why_not_.empty() && !candidate.by_build_id) why_not_ = *difference;
    return Outcome::kRefused;
  }
  if (!in_core) learn_permissions(module, *image);
  take_file(module, candidate.path, std::move(file), *image);
  return Outcome::kTaken;
}

/// What tells that the file is not the module's; a blind spot where nothing can tell.
std::optional<std::string> FileSearch::find_difference(const Module& module,
                                                       const std::optional<ElfImage>& in_core,
                                                       const std::optional<ElfImage>& file,
                                                       const Candidate& candidate) {
  const std::string& path = candidate.path;
  if (file && file->machine != core_.machine()) {
    return fmt::format("{} is for {}, but the core is of a process on {}", path,
                       machine_name(file->machine), machine_name(core_.machine()));
  }
  const Match match = file ? compare_build_ids(in_core, *file) : Match::kDifferent;
  if (match == Match::kDifferent) {
    return fmt::format("{} has {}, but {} in the core has {}", path,
                       build_id_words(file ? file->build_id : std::string()), module.path,
                       build_id_words(module.build_id));
  }
  if (match == Match::kSame) return {};
  if (!candidate.was_named && !fits(module, *file)) {
    return fmt::format("{} has other segments than the file of that name in the core", path);
  }
  found_.blind_spots.push_back({BlindSpotKind::kBuildIdUnknown, path});
  return {};
}

void FileSearch::refuse(bool is_executable) {
  if (is_executable) {
    throw Error(ErrorKind::kMismatch, why_not_,
                "pass the program file that was running with --exe FILE, or where the files of "
                "the core's machine are with --sysroot DIR or --debug-dir DIR");
  }
  found_.blind_spots.push_back({BlindSpotKind::kBuildIdMismatch, why_not_});
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
    const ElfSegment* segment = find_file_segment(image, bias, mapping, page_size_);
    if (segment) mapping.executable = segment->executable;
  }
}

bool FileSearch::fits(const Module& module, const ElfImage& file) const {
  const std::uint64_t bias = load_bias(file, module.start);
  return std::ranges::all_of(mappings_of(module), [&](const Mapping& mapping) {
    if (mapping.path != module.path) return true;
    // ld.so keeps the holes between segments mapped without any permission.
    const bool hole = !mapping.readable && !mapping.writable && !mapping.executable;
    return hole || find_file_segment(file, bias, mapping, page_size_) != nullptr;
  });
}

void FileSearch::take_file(Module& module, const std::string& path,
                           std::unique_ptr<FileMemory> file, const ElfImage& image) {
  module.local_file = path;
  const std::uint64_t bias = load_bias(image, module.start);
  for (Mapping& mapping : mappings_of(module)) {
    if (mapping.path != module.path || mapping.writable) continue;
    const ElfSegment* segment = find_file_segment(image, bias, mapping, page_size_);
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
                            std::vector<Module>& modules, const CoreProgram& program,
                            const TargetOptions& options) {
  LocalFiles found;
  FileSearch search(core, mappings, memory, program.page_size, options, found);
  std::size_t index = 0;
  std::erase_if(
      modules, [&](Module& module) { return !search.find(module, index++ == program.executable); });
  return found;
}

}  // namespace pstuck
