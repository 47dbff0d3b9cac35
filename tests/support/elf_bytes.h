#pragma once

/// ELF structures put together by hand, for tests of what reads them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pstuck::testing {

using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes& bytes, const T& object) {
  const auto raw = std::as_bytes(std::span(&object, 1));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

void append_text(Bytes& bytes, std::string_view text);

Bytes operator+(Bytes a, const Bytes& b);

Bytes make_note(std::uint32_t type, const Bytes& content, std::string_view name = "CORE");

template <typename T>
Bytes make_object_note(std::uint32_t type, const T& object) {
  Bytes content;
  append(content, object);
  return make_note(type, content);
}

/// One thread's NT_PRSTATUS; `result` is what rax holds, `signal` what ended the process.
Bytes make_thread_note(int tid, std::int64_t syscall, std::int64_t result, short signal = 0);

/// One range of NT_FILE; the offset is in the unit of the note.
struct FileRange {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t offset;
};
/// `names` holds the paths, each with a NUL behind it.
Bytes make_files_note(std::uint64_t unit, const std::vector<FileRange>& ranges,
                      std::string_view names);

/// The first page of a position-independent library with a header and code in [0, 0x2000) and data
/// in [0x3000, 0x3000 + `data_size`), with this build ID, or with none.
Bytes make_library_page(std::string_view build_id, std::uint64_t data_size = 0x1000);

struct CorePart {
  std::uint32_t type;  ///< PT_LOAD or PT_NOTE
  Bytes bytes;
  std::uint64_t address = 0;
  std::uint64_t memory_size = 0;
  std::uint32_t flags = 0;
};
Bytes make_core(const std::vector<CorePart>& parts);

}  // namespace pstuck::testing
