#include "attach/kept_cores.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace pstuck {
namespace {

namespace fs = std::filesystem;

/// The part behind the last dot, which it takes off with the dot.
std::string_view take_last(std::string_view& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view part = name.substr(dot + 1);
  name = name.substr(0, dot);
  return part;
}

template <typename Number>
bool read_number(std::string_view digits, Number& number) {
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc() && stop == end;
}

bool is_boot_id(std::string_view text) {
  constexpr std::size_t kDigits = 32;
  return text.size() == kDigits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

}  // namespace

std::optional<KeptCore> parse_kept_core(std::string_view file_name) {
  constexpr std::array<std::string_view, 3> kEndings{".zst", ".lz4", ".xz"};
  for (const std::string_view ending : kEndings) {
    if (!file_name.ends_with(ending)) continue;
    file_name.remove_suffix(ending.size());
    break;
  }
  KeptCore core;
  std::uint32_t user = 0;
  const bool fits = read_number(take_last(file_name), core.time) &&
                    read_number(take_last(file_name), core.pid.value) &&
                    is_boot_id(take_last(file_name)) && read_number(take_last(file_name), user) &&
                    file_name.starts_with("core.");
  if (!fits) return {};
  return core;
}

std::string kept_cores_directory(const std::string& sysroot) {
  return sysroot + "/var/lib/systemd/coredump";
}

std::optional<std::string> find_kept_core(const std::string& sysroot, Tid pid) {
  std::optional<std::string> newest;
  std::uint64_t time = 0;
  std::error_code error;
  for (fs::directory_iterator entry(kept_cores_directory(sysroot), error), end;
       !error && entry != end; entry.increment(error)) {
    const auto core = parse_kept_core(entry->path().filename().native());
    if (!core || core->pid != pid || (newest && core->time < time)) continue;
    newest = entry->path().native();
    time = core->time;
  }
  return newest;
}

}  // namespace pstuck
