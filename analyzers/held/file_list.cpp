// The locks of libc's FILEs. All that are open hang on one list: libio/stdfiles.c and
// bits/types/struct_FILE.h of glibc, on 64 bits the same from 2.17 to 2.42.
//
//     _IO_list_all ──▶ FILE ── _chain ──▶ FILE ── _chain ──▶ … ──▶ 0
//                       │ _lock            │ _lock
//                       ▼                  ▼
//                      _IO_lock_t { lock, depth, owner: a pthread_t }
//
// The list may be changing or lead anywhere: each FILE must have stdio's magic number, and only so
// many are looked at.

#include <array>

#include "analyzers/held/source.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostFiles = 4096;
constexpr std::uint32_t kMagic = 0xfbad;

struct FileBytes {
  std::uint32_t flags;
  std::array<std::byte, 0x68 - 4> buffers;
  Address chain;
  std::array<std::byte, 0x88 - 0x70> descriptor;
  Address lock;
};
static_assert(offsetof(FileBytes, chain) == 0x68 && offsetof(FileBytes, lock) == 0x88);

std::string name_of(Address file, Program& program) {
  constexpr std::array<std::pair<const char*, const char*>, 3> kStandardFiles = {
      {{"_IO_2_1_stdin_", "stdin"}, {"_IO_2_1_stdout_", "stdout"}, {"_IO_2_1_stderr_", "stderr"}}};
  for (const auto& [symbol, name] : kStandardFiles) {
    if (program.find_libc_variable(symbol) == file) return name;
  }
  return {};
}

}  // namespace

void find_file_locks(const HeldSearch& search, HeldFinds& finds) {
  Memory& memory = search.sources.memory;
  const auto list = search.sources.program.find_libc_variable("_IO_list_all");
  auto file = list ? memory.read_object<Address>(*list) : std::nullopt;
  for (std::size_t i = 0; i < kMostFiles && file && file->value != 0; ++i) {
    const auto bytes = memory.read_object<FileBytes>(*file);
    if (!bytes || bytes->flags >> 16 != kMagic) return;
    if (auto lock = search.test.read_lock(ResourceKind::kStdio, bytes->lock, memory)) {
      lock->found_by = FoundBy::kFileList;
      lock->name = name_of(*file, search.sources.program);
      finds.locks.push_back(std::move(*lock));
    }
    file = bytes->chain;
  }
}

}  // namespace pstuck
