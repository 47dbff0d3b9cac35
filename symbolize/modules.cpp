#include "symbolize/modules.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>

#include "symbolize/debug_files.h"

namespace pstuck {
namespace {

// The kernel's vDSO has one or two pages of code; anything this big is not one.
constexpr std::uint64_t kLargestVdso = 1 << 20;

struct ElfEnd {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

struct DwflEnd {
  void operator()(Dwfl* session) const { dwfl_end(session); }
};

/// What libdwfl's find_elf callback needs to know about one module, and what it found out.
struct ModuleFile {
  const Module* module = nullptr;
  Memory* memory = nullptr;
  FilesByBuildId* by_build_id = nullptr;
  const std::vector<std::string>* debug_directories = nullptr;
  Dwfl_Module* handle = nullptr;
  std::vector<char> image;     ///< of the vDSO, which libelf reads in place
  std::string other_build_id;  ///< of the file, when it is not the module's
  bool is_c_library = false;
  bool usable = false;
  bool tried = false;
  bool touched = false;
  std::uint64_t image_end = 0;  ///< where the opened ELF says that the module ends
};

std::vector<unsigned char> parse_build_id(std::string_view hex) {
  std::vector<unsigned char> bits;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    bits.push_back(static_cast<unsigned char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bits;
}

ElfHandle read_vdso(ModuleFile& file) {
  const std::uint64_t size = file.module->end - file.module->start;
  if (size > kLargestVdso) return {};
  file.image.resize(size);
  if (file.memory->read(file.module->start, std::as_writable_bytes(std::span(file.image))) != size)
    return {};
  return ElfHandle(elf_memory(file.image.data(), size));
}

/// libdwfl loads libdebuginfod and with it some forty libraries before it asks whether there is a
/// server to ask: 6 ms, more than all else takes.
bool may_ask_debuginfod() {
  const char* urls = std::getenv("DEBUGINFOD_URLS");
  return urls && *urls != '\0';
}

/// Hands an opened file to libdwfl, which closes and frees.
int hand_over(const Descriptor& descriptor, const std::string& path, char** file_name) {
  *file_name = ::strdup(path.c_str());
  return ::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 0);
}

FileIdentity identify(const Module& module) {
  return {module.path, module.local_file, module.build_id};
}

/// libdwfl's callback: gives the file's descriptor and ELF handle, or -1 and none.
int find_elf(Dwfl_Module* handle, void** userdata, const char* /*name*/, Dwarf_Addr /*start*/,
             char** file_name, Elf** elf) noexcept {
  auto& file = *static_cast<ModuleFile*>(*userdata);
  if (file.module->path == "[vdso]") {
    *elf = read_vdso(file).release();
    return -1;
  }
  const Module& module = *file.module;
  const Descriptor descriptor =
      module.local_file.empty() ? Descriptor() : open_regular_file(module.local_file);
  if (descriptor.is_open()) {
    const ElfHandle found(elf_begin(descriptor.get(), ELF_C_READ_MMAP_PRIVATE, nullptr));
    const std::string build_id = found ? read_build_id(found.get()) : std::string();
    if (found && (module.build_id.empty() || build_id == module.build_id)) {
      return hand_over(descriptor, module.local_file, file_name);
    }
    if (found) file.other_build_id = build_id.empty() ? "none" : build_id;
  }
  if (module.build_id.empty()) return -1;
  const auto program = find_program_file(identify(module), *file.by_build_id);
  if (program) return hand_over(program->descriptor, program->path, file_name);
  if (!may_ask_debuginfod()) return -1;
  return dwfl_build_id_find_elf(handle, userdata, nullptr, 0, file_name, elf);
}

/// libdwfl's callback: gives the descriptor of a separate debug file, or -1.
int find_debuginfo(Dwfl_Module* handle, void** userdata, const char* name, Dwarf_Addr start,
                   const char* file_name, const char* debug_link, GElf_Word checksum,
                   char** debug_file_name) noexcept {
  const auto& file = *static_cast<const ModuleFile*>(*userdata);
  if (!file.module->build_id.empty()) {
    const auto found = find_debug_file(identify(*file.module), debug_link ? debug_link : "",
                                       *file.by_build_id, *file.debug_directories);
    if (found) return hand_over(found->descriptor, found->path, debug_file_name);
    if (!may_ask_debuginfod()) return -1;
  }
  return dwfl_standard_find_debuginfo(handle, userdata, name, start, file_name, debug_link,
                                      checksum, debug_file_name);
}

std::uint64_t find_image_end(Elf* elf, std::uint64_t bias) {
  std::size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return 0;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (!gelf_getphdr(elf, static_cast<int>(i), &header) || header.p_type != PT_LOAD) continue;
    end = std::max(end, header.p_vaddr + header.p_memsz + bias);
  }
  return end;
}

/// libdwfl takes the first segment's address down to its alignment for the module's start, the
/// kernel only down to the page. Where that differs every name would be wrong.
bool starts_where_mapped(Elf* elf, std::uint64_t bias, Address start) {
  std::size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return false;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (!gelf_getphdr(elf, static_cast<int>(i), &header) || header.p_type != PT_LOAD) continue;
    constexpr std::uint64_t kPageMask = ~std::uint64_t{4095};
    return (header.p_vaddr & kPageMask) + bias == start.value;
  }
  return false;
}

std::vector<std::string> find_debug_directories(const Snapshot& snapshot,
                                                const FilePlaces& places) {
  std::vector<std::string> directories = debug_directories_of(places);
  if (snapshot.kind == TargetKind::kLive && snapshot.process.other_mount_namespace) {
    directories.push_back(fmt::format("/proc/{}/root/usr/lib/debug", snapshot.process.pid.value));
  }
  return directories;
}

}  // namespace

class LoadedModules::Impl {
 public:
  Impl(const Snapshot& captured, Memory& memory, const FilePlaces& places);

  void report(ModuleFile& file);
  void find_code();
  [[nodiscard]] bool was_said_at_capture(const std::string& path) const;

  const Snapshot& snapshot;
  const std::vector<Module>& modules;
  std::vector<std::string> debug_directories;
  FilesByBuildId by_build_id;
  std::string debug_path = ":.debug";  // the same as libdwfl wants it
  char* debug_path_text = nullptr;
  Dwfl_Callbacks callbacks{};
  std::vector<ModuleFile> files;
  std::vector<std::pair<Address, Address>> code;  // ascending, merged
  // Last, so that it ends first: it refers to all of the above.
  std::unique_ptr<Dwfl, DwflEnd> session;
};

LoadedModules::Impl::Impl(const Snapshot& captured, Memory& memory, const FilePlaces& places)
    : snapshot(captured),
      modules(captured.modules),
      debug_directories(find_debug_directories(captured, places)),
      by_build_id(debug_directories) {
  elf_version(EV_CURRENT);
  for (const std::string& directory : debug_directories) debug_path += ":" + directory;
  debug_path_text = debug_path.data();
  callbacks.find_elf = find_elf;
  callbacks.find_debuginfo = find_debuginfo;
  callbacks.debuginfo_path = &debug_path_text;
  session.reset(dwfl_begin(&callbacks));
  assert(session);
  files.resize(modules.size());
  dwfl_report_begin(session.get());
  for (std::size_t i = 0; i < modules.size(); ++i) {
    files[i].module = &modules[i];
    files[i].memory = &memory;
    files[i].by_build_id = &by_build_id;
    files[i].debug_directories = &debug_directories;
    files[i].is_c_library = is_c_library_name(base_name_of(modules[i].path));
    report(files[i]);
  }
  dwfl_report_end(session.get(), nullptr, nullptr);
  find_code();
}

void LoadedModules::Impl::report(ModuleFile& file) {
  const Module& module = *file.module;
  if (module.start >= module.end) return;
  file.handle =
      dwfl_report_module(session.get(), module.path.c_str(), module.start.value, module.end.value);
  if (!file.handle) return;
  void** userdata = nullptr;
  dwfl_module_info(file.handle, &userdata, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  *userdata = &file;
  const std::vector<unsigned char> bits = parse_build_id(module.build_id);
  if (!bits.empty()) dwfl_module_report_build_id(file.handle, bits.data(), bits.size(), 0);
}

void LoadedModules::Impl::find_code() {
  for (const Mapping& mapping : snapshot.mappings) {
    if (!mapping.executable) continue;
    if (!code.empty() && code.back().second == mapping.start) {
      code.back().second = mapping.end;
    } else {
      code.emplace_back(mapping.start, mapping.end);
    }
  }
}

bool LoadedModules::Impl::was_said_at_capture(const std::string& path) const {
  return std::ranges::any_of(snapshot.blind_spots, [&](const BlindSpot& spot) {
    return spot.detail == path || spot.detail.starts_with(path + " ");
  });
}

LoadedModules::LoadedModules(const Snapshot& snapshot, Memory& memory, const FilePlaces& places)
    : impl_(std::make_unique<Impl>(snapshot, memory, places)) {}

LoadedModules::~LoadedModules() = default;

Machine LoadedModules::machine() const { return impl_->snapshot.machine; }

Dwfl* LoadedModules::session() const { return impl_->session.get(); }

std::optional<std::size_t> LoadedModules::find(Address at) const {
  const auto after = std::ranges::upper_bound(impl_->modules, at, {}, &Module::start);
  if (after == impl_->modules.begin()) return {};
  const auto found = std::prev(after);
  if (at >= found->end) return {};
  return static_cast<std::size_t>(found - impl_->modules.begin());
}

std::optional<std::size_t> LoadedModules::find_image(Address at) {
  if (const auto found = find(at)) return found;
  const auto after = std::ranges::upper_bound(impl_->modules, at, {}, &Module::start);
  if (after == impl_->modules.begin()) return {};
  const auto index = static_cast<std::size_t>(after - impl_->modules.begin()) - 1;
  if (!open(index) || at.value >= impl_->files[index].image_end) return {};
  return index;
}

const Module& LoadedModules::module(std::size_t index) const { return impl_->modules[index]; }

std::string_view LoadedModules::base_name(std::size_t index) const {
  return base_name_of(module(index).path);
}

bool LoadedModules::is_c_library(std::size_t index) const {
  return impl_->files[index].is_c_library;
}

Dwfl_Module* LoadedModules::open(std::size_t index) {
  ModuleFile& file = impl_->files[index];
  if (!file.tried) {
    file.tried = true;
    GElf_Addr bias = 0;
    Elf* elf = file.handle ? dwfl_module_getelf(file.handle, &bias) : nullptr;
    file.usable = elf && starts_where_mapped(elf, bias, file.module->start);
    if (file.usable) file.image_end = find_image_end(elf, bias);
  }
  return file.usable ? file.handle : nullptr;
}

bool LoadedModules::is_code(Address at) const {
  const auto& code = impl_->code;
  if (code.empty()) return true;
  const auto after = std::ranges::upper_bound(code, at, {}, &std::pair<Address, Address>::first);
  return after != code.begin() && at < std::prev(after)->second;
}

void LoadedModules::note_touched(std::size_t index) { impl_->files[index].touched = true; }

std::vector<BlindSpot> LoadedModules::blind_spots() const {
  std::vector<BlindSpot> spots;
  for (const ModuleFile& file : impl_->files) {
    if (!file.touched || !file.tried || file.usable) continue;
    if (impl_->was_said_at_capture(file.module->path)) continue;
    if (file.other_build_id.empty()) {
      spots.push_back({BlindSpotKind::kModuleFileMissing, file.module->path});
    } else {
      spots.push_back({BlindSpotKind::kBuildIdMismatch,
                       fmt::format("{}: {} in the target, {} in the file", file.module->path,
                                   file.module->build_id, file.other_build_id)});
    }
  }
  return spots;
}

std::string_view base_name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_c_library_name(std::string_view base_name) {
  constexpr std::string_view kBeginnings[] = {"libc.so",  "libc-2", "libpthread.so", "libpthread-",
                                              "ld-linux", "ld-2.",  "ld-musl",       "libc.musl"};
  return std::ranges::any_of(
      kBeginnings, [&](std::string_view beginning) { return base_name.starts_with(beginning); });
}

}  // namespace pstuck
