#include "symbolize/debug_files.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace pstuck {
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool has_build_id(const Descriptor& descriptor, const std::string& build_id) {
  Elf* elf = elf_begin(descriptor.get(), ELF_C_READ_MMAP_PRIVATE, nullptr);
  const bool same = elf && read_build_id(elf) == build_id;
  elf_end(elf);
  return same;
}

std::optional<FoundFile> open_matching(const std::vector<std::string>& paths,
                                       const std::string& build_id) {
  for (const std::string& path : paths) {
    Descriptor descriptor = open_regular_file(path);
    if (descriptor.is_open() && has_build_id(descriptor, build_id)) {
      return FoundFile{std::move(descriptor), path};
    }
  }
  return {};
}

}  // namespace

std::optional<FoundFile> find_program_file(const FileIdentity& identity, FilesByBuildId& files) {
  return open_matching(files.find_programs(identity.build_id), identity.build_id);
}

std::optional<FoundFile> find_debug_file(const FileIdentity& identity,
                                         const std::string& debug_link, FilesByBuildId& files,
                                         std::span<const std::string> directories) {
  std::vector<std::string> paths = files.find_debug_files(identity.build_id);
  // The file itself, where it lies in a debug directory, is no news.
  std::erase(paths, identity.local_file);
  if (!debug_link.empty()) {
    const std::string beside = directory_of(identity.local_file);
    paths.push_back(beside + "/" + debug_link);
    paths.push_back(beside + "/.debug/" + debug_link);
    for (const std::string& directory : directories) {
      paths.push_back(directory + directory_of(identity.path) + "/" + debug_link);
    }
  }
  return open_matching(paths, identity.build_id);
}

Descriptor open_regular_file(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!descriptor.is_open() || ::fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return {};
  return descriptor;
}

std::string read_build_id(Elf* elf) {
  const void* bits = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(elf, &bits);
  std::string hex;
  for (ssize_t i = 0; i < size; ++i) {
    hex += fmt::format("{:02x}", static_cast<const unsigned char*>(bits)[i]);
  }
  return hex;
}

}  // namespace pstuck
