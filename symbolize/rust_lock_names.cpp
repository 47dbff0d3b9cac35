// The modules around std::sys::…::futex::Mutex change with the releases, and there are two ways of
// mangling. Both write names and their lengths alike:
//
//     _ZN3std3sys4unix5locks11futex_mutex5Mutex14lock_contended17h90dd70654eadd9feE
//     _RNvMNtNtNtNtCs…_3std3sys4sync5mutex5futexNtB2_5Mutex14lock_contended

#include "symbolize/rust_lock_names.h"

#include <algorithm>

namespace pstuck {
namespace {

struct Row {
  std::string_view name;
  RustLockDeed deed;
};

constexpr Row kInner[] = {
    {"5Mutex4lock", RustLockDeed::kTakes},
    {"5Mutex14lock_contended", RustLockDeed::kTakes},
    {"5Mutex6unlock", RustLockDeed::kGivesBack},
    {"5Mutex4wake", RustLockDeed::kGivesBack},
    {"6RwLock4read", RustLockDeed::kReads},
    {"6RwLock14read_contended", RustLockDeed::kReads},
    {"6RwLock5write", RustLockDeed::kTakes},
    {"6RwLock15write_contended", RustLockDeed::kTakes},
    {"6RwLock11read_unlock", RustLockDeed::kGivesBack},
    {"6RwLock12write_unlock", RustLockDeed::kGivesBack},
    {"6RwLock22wake_writer_or_readers", RustLockDeed::kGivesBack},
};

/// Of std::sync; what stands for the type of the data is between both parts.
struct Method {
  std::string_view type;
  std::string_view name;
};

constexpr Method kLocking[] = {
    {"Mutex$LT$T$GT$", "4lock17h"},   {"RwLock$LT$T$GT$", "4read17h"},
    {"RwLock$LT$T$GT$", "5write17h"}, {"_5Mutex", "E4lock"},
    {"_6RwLock", "E4read"},           {"_6RwLock", "E5write"},
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_of_module(std::string_view symbol, std::string_view module) {
  if (symbol.starts_with("_ZN")) return symbol.substr(3).starts_with(module);
  return symbol.starts_with("_R") && contains(symbol, module);
}

/// Behind the name comes the hash, or the crate that needed it; but no function inside it.
bool ends_there(std::string_view rest) {
  constexpr std::string_view kCrateOrCopy = "BC.";
  return rest.empty() || rest.starts_with("17h") ||
         kCrateOrCopy.find(rest.front()) != kCrateOrCopy.npos;
}

}  // namespace

std::optional<RustLockDeed> find_rust_lock_deed(std::string_view symbol) {
  if (!is_of_module(symbol, "3std3sys") || !contains(symbol, "futex")) return {};
  for (const Row& row : kInner) {
    const std::size_t at = symbol.find(row.name);
    if (at != std::string_view::npos && ends_there(symbol.substr(at + row.name.size()))) {
      return row.deed;
    }
  }
  return {};
}

bool is_rust_locking(std::string_view symbol) {
  if (!is_of_module(symbol, "3std4sync")) return false;
  return std::ranges::any_of(kLocking, [&](const Method& method) {
    const std::size_t type = symbol.find(method.type);
    if (type == std::string_view::npos) return false;
    const std::size_t name = symbol.find(method.name, type + method.type.size());
    if (name == std::string_view::npos) return false;
    return method.name.ends_with("17h") || ends_there(symbol.substr(name + method.name.size()));
  });
}

}  // namespace pstuck
