// The locks of libc's FILEs. All that are open hang on one list: libio/stdfiles.c and
// bits/types/struct_FILE.h of glibc, on 64 bits the same from 2.17 to 2.42.
//
//     _IO_list_all ──▶ FILE ── _chain ──▶ FILE ── _chain ──▶ … ──▶ 0
//                       │ _lock            │ _lock
//                       ▼                  ▼
//                      _IO_lock_t { lock, depth, owner: a pthread_t }

#include "analyzers/held/source.h"
#include "analyzers/waits/stdio_layout.h"

namespace pstuck {

void find_file_locks(const HeldSearch& search, HeldFinds& finds) {
  Memory& memory = search.sources.memory;
  visit_files(search.sources.program, memory, [&](Address file, const FileBytes& bytes) {
    auto lock = search.test.read_lock(ResourceKind::kStdio, bytes.lock, memory);
    if (!lock) return;
    lock->found_by = FoundBy::kFileList;
    lock->name = name_of_file(file, search.sources.program);
    finds.locks.push_back(std::move(*lock));
  });
}

}  // namespace pstuck
