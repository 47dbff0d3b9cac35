#include "attach/file_places.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "attach/elf_image.h"
#include "attach/file_memory.h"

namespace pstuck {
namespace {

namespace fs = std::filesystem;

// Of one directory; whoever names one with more has meant another.
constexpr std::size_t kMostPlainFiles = 10'000;

constexpr const char* kDebugDirectory = "/usr/lib/debug";

}  // namespace

std::string resolve_in_sysroot(const std::string& sysroot, const std::string& path) {
  const Descriptor root(::open(sysroot.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const Descriptor file(
      static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
  std::error_code error;
  const auto resolved = file.is_open()
                            ? fs::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), error)
                            : fs::path();
  return resolved.empty() ? sysroot + path : resolved.string();
}

std::vector<std::string> debug_directories_of(const FilePlaces& places) {
  std::vector<std::string> directories = places.debug_directories;
  if (!places.sysroot.empty()) directories.push_back(places.sysroot + kDebugDirectory);
  directories.emplace_back(kDebugDirectory);
  return directories;
}

std::vector<std::string> FilesByBuildId::find_programs(const std::string& build_id) {
  std::vector<std::string> paths = find(build_id, "");
  list_plain_files();
  const auto [first, last] = plain_files_->equal_range(build_id);
  for (auto file = first; file != last; ++file) {
    if (file->second.has_code) paths.push_back(file->second.path);
  }
  return paths;
}

std::vector<std::string> FilesByBuildId::find_debug_files(const std::string& build_id) {
  std::vector<std::string> paths = find(build_id, ".debug");
  list_plain_files();
  // One that has both may be stripped of its debug information: it comes last.
  for (const bool with_code : {false, true}) {
    const auto [first, last] = plain_files_->equal_range(build_id);
    for (auto file = first; file != last; ++file) {
      if (file->second.has_code == with_code) paths.push_back(file->second.path);
    }
  }
  return paths;
}

std::vector<std::string> FilesByBuildId::find(const std::string& build_id, const char* suffix) {
  std::vector<std::string> paths;
  if (build_id.size() <= 2) return paths;
  for (const std::string& directory : directories_) {
    paths.push_back(fmt::format("{}/.build-id/{}/{}{}", directory, build_id.substr(0, 2),
                                build_id.substr(2), suffix));
  }
  return paths;
}

void FilesByBuildId::list_plain_files() {
  if (plain_files_) return;
  plain_files_.emplace();
  for (const std::string& directory : directories_) {
    std::error_code error;
    std::vector<std::string> paths;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
      if (paths.size() == kMostPlainFiles) break;
      paths.push_back(entry->path().string());
    }
    std::ranges::sort(paths);
    for (const std::string& path : paths) {
      FileMemory file(path);
      const auto image = read_elf_file(file);
      if (!image || image->build_id.empty()) continue;
      plain_files_->emplace(image->build_id, PlainFile{path, image->has_code});
    }
  }
}

}  // namespace pstuck
