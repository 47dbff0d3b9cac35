#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attach/file_places.h"
#include "attach/memory.h"
#include "attach/snapshot.h"

struct Dwfl;
struct Dwfl_Module;

namespace pstuck {

/// One libdwfl session over a snapshot's modules, whose files are opened when first needed.
/// Modules go by their index in Snapshot::modules.
class LoadedModules {
 public:
  LoadedModules(const Snapshot& snapshot, Memory& memory, const FilePlaces& places = {});
  ~LoadedModules();
  LoadedModules(const LoadedModules&) = delete;
  LoadedModules& operator=(const LoadedModules&) = delete;

  [[nodiscard]] Dwfl* session() const;

  [[nodiscard]] Machine machine() const;

  /// Whether instructions of this machine can be decoded: else of code only calls are known.
  [[nodiscard]] bool decodes_code() const { return machine() == Machine::kX86_64; }

  /// The module whose mappings cover the address.
  [[nodiscard]] std::optional<std::size_t> find(Address at) const;

  /// The module whose image covers the address, also where .bss lies behind its mappings.
  std::optional<std::size_t> find_image(Address at);

  [[nodiscard]] const Module& module(std::size_t index) const;
  [[nodiscard]] std::string_view base_name(std::size_t index) const;

  /// The C library, its threads or its loader: code that the program only calls into.
  [[nodiscard]] bool is_c_library(std::size_t index) const;

  /// Null when there is no file that belongs to the module.
  Dwfl_Module* open(std::size_t index);

  /// True when the address can be executed, as far as the mappings are known.
  [[nodiscard]] bool is_code(Address at) const;

  /// Frames lie in this module: should its file be unusable, the report must say so.
  void note_touched(std::size_t index);
  [[nodiscard]] std::vector<BlindSpot> blind_spots() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Of a path; the path itself when it has no slash.
std::string_view base_name_of(std::string_view path);

/// glibc's and musl's file names: "libc.so.6", "libc-2.31.so", "ld-linux-x86-64.so.2" …
bool is_c_library_name(std::string_view base_name);

}  // namespace pstuck
