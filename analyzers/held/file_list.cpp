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

#include "analyzers/held/source.h"
#include "analyzers/waits/stdio_layout.h"

namespace pstuck {

void find_file_locks(const HeldSearch& search, HeldFinds& finds) {
  Memory& memory = search.sources.memory;
  const auto list = search.sources.program.find_libc_variable("_IO_list_all");
  auto file = list ? memory.read_object<Address>(*list) : std::nullopt;
  for (std::size_t i = 0; i < kMostFiles && file && file->value != 0; ++i) {
    const auto bytes = memory.read_object<FileBytes>(*file);
    if (!bytes || !bytes->has_magic()) return;
    if (auto lock = search.test.read_lock(ResourceKind::kStdio, bytes->lock, memory)) {
      lock->found_by = FoundBy::kFileList;
      lock->name = name_of_file(*file, search.sources.program);
      finds.locks.push_back(std::move(*lock));
    }
    file = bytes->chain;
  }
}

}  // namespace pstuck
