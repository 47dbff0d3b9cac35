// A saved snapshot's CBOR, as it comes out of zstd: whatever is in it gives an error or a report.

#include <cstddef>
#include <cstdint>
#include <span>
#include <sstream>

#include "attach/error.h"
#include "cli/pipeline.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pstuck;
  try {
    SnapshotFile file = restore_snapshot_file(std::as_bytes(std::span(data, size)), "fuzzed");
    const Reports reports = look_at_saved(std::move(file), "fuzzed", {});
    for (const Format format : {Format::kText, Format::kJson, Format::kPostmortem}) {
      std::ostringstream text;
      render(reports, format, {.all_threads = true}, text);
    }
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
