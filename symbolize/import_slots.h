#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "symbolize/modules.h"

struct Elf;
struct Elf_Scn;

namespace pstuck {

/// Names of functions that calls between modules lead to, by the slot that a call goes through:
/// also where the loader has not filled the slot yet, since nobody has made the call.
class ImportSlots {
 public:
  explicit ImportSlots(LoadedModules& modules) : modules_(modules) {}

  /// None where no function's address belongs there. Valid as long as this object.
  std::optional<std::string_view> find_name(Address slot);

 private:
  void read_module(std::size_t module);
  void read_section(Elf* elf, Elf_Scn* section, std::uint64_t bias);

  LoadedModules& modules_;
  std::set<std::size_t> modules_read_;
  std::map<Address, std::string> names_;
};

}  // namespace pstuck
