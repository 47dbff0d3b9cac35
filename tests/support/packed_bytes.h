#pragma once

#include "tests/support/elf_bytes.h"

namespace pstuck::testing {

/// How bytes can be compressed.
struct Packing {
  const char* name;  ///< as pstuck says it
  Bytes (*pack)(const Bytes& bytes);
};

/// zstd, gzip, xz and lz4, each with its checksum.
const std::vector<Packing>& all_packings();

}  // namespace pstuck::testing
