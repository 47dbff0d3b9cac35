#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "attach/memory.h"
#include "symbolize/program.h"

namespace pstuck {

/// _IO_lock_t, and all other recursive locks inside glibc: sysdeps/nptl/stdio-lock.h,
/// sysdeps/nptl/libc-lockP.h. Until glibc 2.36 the depth counts from 1, since then from 0, so it
/// tells nothing by itself.
struct StdioLock {
  std::int32_t lock;   ///< 0 free, 1 held, 2 held and waited for
  std::int32_t depth;  ///< how often its owner has locked it
  Address owner;       ///< its pthread_t; 0 for nobody

  [[nodiscard]] bool is_plausible() const {
    constexpr std::int32_t kDeepest = 1'000'000;
    return lock >= 0 && lock <= 2 && depth >= 0 && depth <= kDeepest;
  }
};

static_assert(sizeof(StdioLock) == 16);

/// A FILE as far as its lock: libio/bits/types/struct_FILE.h, on 64 bits the same from 2.17
/// to 2.42.
struct FileBytes {
  std::uint32_t flags;
  std::array<std::byte, 0x68 - 4> buffers;
  Address chain;  ///< the next of _IO_list_all
  std::array<std::byte, 0x88 - 0x70> descriptor;
  Address lock;  ///< of its StdioLock

  /// Every FILE begins with _IO_MAGIC.
  [[nodiscard]] bool has_magic() const { return flags >> 16 == 0xfbad; }
};

static_assert(offsetof(FileBytes, chain) == 0x68 && offsetof(FileBytes, lock) == 0x88);

/// Every FILE of libc's list of those that are open, in its order. The list may be changing or lead
/// anywhere: it ends where a FILE has no magic number, and only so many are looked at.
void visit_files(Program& program, Memory& memory,
                 const std::function<void(Address file, const FileBytes& bytes)>& visit);

/// "stdout" and the like; empty for a FILE that was opened.
std::string name_of_file(Address file, Program& program);

}  // namespace pstuck
