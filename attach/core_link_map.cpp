// Where a core says nothing of files:
//
//     AT_PHDR ──▶ the program's headers: with the program's file they tell how far it was moved,
//                 and where its PT_DYNAMIC is
//     PT_DYNAMIC ──▶ { …, DT_DEBUG ──▶ struct r_debug { version, r_map ─┐
//                                                                       ▼
//          struct link_map { l_addr: how far it was moved, l_name, l_ld, l_next } ──▶ … (link.h)
//
// The headers in memory are of no use, since such cores may lack them. So the program's own file
// must be here, and a library whose file is not here has no extent.

#include "attach/core_link_map.h"

#include <elf.h>

#include <algorithm>
#include <filesystem>

#include "attach/elf_image.h"
#include "attach/file_memory.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostDynamicEntries = 4096;
constexpr std::size_t kMostLibraries = 16384;

/// struct link_map of link.h, as far as it is public.
struct LinkMap {
  std::uint64_t bias;
  Address name;
  Address dynamic;
  Address next;
};

void add_ranges(const ElfImage& image, std::uint64_t bias, const std::string& path,
                std::vector<CoreFileRange>& files) {
  for (const ElfSegment& segment : image.segments) {
    const std::uint64_t start = page_floor(bias + segment.address);
    const std::uint64_t end =
        page_floor(bias + segment.address + segment.file_size + kPageSize - 1);
    if (start >= end) continue;
    files.push_back({{start}, {end}, page_floor(segment.offset), path});
  }
}

/// The program's file and how far it was moved.
struct Program {
  ElfImage image;
  std::uint64_t bias = 0;
  std::vector<Elf64_Dyn> dynamic;  ///< from the target's memory
};

std::vector<Elf64_Dyn> read_dynamic(Memory& memory, Address at) {
  std::vector<Elf64_Dyn> entries;
  while (entries.size() < kMostDynamicEntries) {
    const auto entry = memory.read_object<Elf64_Dyn>(at + entries.size() * sizeof(Elf64_Dyn));
    if (!entry || entry->d_tag == DT_NULL) break;
    entries.push_back(*entry);
  }
  return entries;
}

std::optional<Program> read_program(const std::string& path, Address program_headers,
                                    Machine machine, Memory& memory) {
  FileMemory file(path);
  const auto image = read_elf_file(file);
  if (!image || image->machine != machine) return {};
  Program program{.image = *image,
                  .bias = load_bias(*image, {program_headers.value - image->header_table})};
  if (image->dynamic) program.dynamic = read_dynamic(memory, {program.bias + *image->dynamic});
  return program;
}

std::vector<LinkMap> read_link_maps(const Program& program, Memory& memory) {
  std::vector<LinkMap> maps;
  const auto debug = std::ranges::find(program.dynamic, DT_DEBUG, &Elf64_Dyn::d_tag);
  if (debug == program.dynamic.end()) return maps;
  constexpr std::uint64_t kMapInDebug = 8;
  auto next = memory.read_object<Address>(Address{debug->d_un.d_ptr} + kMapInDebug);
  while (next && next->value != 0 && maps.size() < kMostLibraries) {
    const auto map = memory.read_object<LinkMap>(*next);
    if (!map) break;
    maps.push_back(*map);
    next = map->next;
  }
  return maps;
}

/// The path as the target saw it and the file that is read for it here.
struct ProgramFile {
  std::string path;
  std::string here;
};

ProgramFile find_program_file(Memory& memory, const CoreAuxiliaryVector& auxiliary,
                              const TargetOptions& options) {
  ProgramFile file;
  if (auxiliary.executable_name) file.path = memory.read_text(*auxiliary.executable_name);
  file.here = options.executable.empty() ? resolve_in_sysroot(options.places.sysroot, file.path)
                                         : options.executable;
  // What is no path from the root cannot be told from the name of a mapping without a file.
  std::error_code nowhere;
  if (!file.path.starts_with('/')) file.path = std::filesystem::absolute(file.here, nowhere);
  return file;
}

}  // namespace

std::vector<CoreFileRange> find_files_by_link_map(Memory& memory,
                                                  const CoreAuxiliaryVector& auxiliary,
                                                  Machine machine, const TargetOptions& options) {
  std::vector<CoreFileRange> files;
  if (!auxiliary.program_headers) return files;
  const ProgramFile file = find_program_file(memory, auxiliary, options);
  const auto program = read_program(file.here, *auxiliary.program_headers, machine, memory);
  if (!program) return files;
  add_ranges(program->image, program->bias, file.path, files);
  for (const LinkMap& map : read_link_maps(*program, memory)) {
    const std::string path = memory.read_text(map.name);
    if (!path.starts_with('/')) continue;
    FileMemory library(resolve_in_sysroot(options.places.sysroot, path));
    const auto image = read_elf_file(library);
    if (image && image->machine == machine) add_ranges(*image, map.bias, path, files);
  }
  drop_overlaps(files);
  return files;
}

}  // namespace pstuck
