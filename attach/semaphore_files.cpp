#include "attach/semaphore_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>

namespace pstuck {
namespace {

constexpr std::string_view kDirectory = "/dev/shm/";
constexpr std::string_view kPrefix = "sem.";
constexpr std::size_t kMostFiles = 100'000;

bool is_semaphore(const Mapping& mapping) {
  return mapping.shared && mapping.inode != 0 && mapping.path.starts_with(kDirectory) &&
         mapping.path.substr(kDirectory.size()).starts_with(kPrefix);
}

/// By inode; empty for one that has several names. Nothing when the directory cannot be read.
std::optional<std::map<std::uint64_t, std::string>> list_names(
    const std::filesystem::path& directory) {
  std::map<std::uint64_t, std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  const std::filesystem::directory_iterator end;
  for (std::size_t i = 0; !error && entry != end && i < kMostFiles; entry.increment(error), ++i) {
    const std::string name = entry->path().filename();
    struct stat file {};
    if (!name.starts_with(kPrefix) || ::lstat(entry->path().c_str(), &file) != 0) continue;
    const auto [known, is_new] = names.emplace(file.st_ino, name);
    if (!is_new) known->second.clear();
  }
  if (error || entry != end) return std::nullopt;
  return names;
}

}  // namespace

void find_semaphore_files(const std::filesystem::path& directory, std::vector<Mapping>& mappings) {
  if (std::ranges::none_of(mappings, is_semaphore)) return;
  const auto names = list_names(directory);
  if (!names) return;
  for (Mapping& mapping : mappings) {
    if (!is_semaphore(mapping)) continue;
    const auto name = names->find(mapping.inode);
    mapping.deleted = name == names->end() || name->second.empty();
    if (!mapping.deleted) mapping.path = std::string(kDirectory) + name->second;
  }
}

}  // namespace pstuck
