// The core reader on any bytes: either Error, or a snapshot that keeps the promises of snapshot.h,
// with memory that can be read anywhere.

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cassert>
#include <cstdint>

#include "attach/core_target.h"
#include "attach/error.h"

namespace pstuck {
namespace {

int the_file() {
  static const int file = ::memfd_create("core", MFD_CLOEXEC);
  return file;
}

void write_file(const std::uint8_t* data, std::size_t size) {
  const bool done = ::ftruncate(the_file(), 0) == 0 &&
                    ::pwrite(the_file(), data, size, 0) == static_cast<ssize_t>(size);
  assert(done);
}

void read_around(Memory& memory, Address at) {
  std::array<std::byte, 64> bytes;
  for (const Address from : {at - 32, at, Address{at.value & ~std::uint64_t{4095}}}) {
    assert(memory.read(from, bytes) <= bytes.size());
  }
}

void check(const Snapshot& snapshot, Memory& memory) {
  assert(!snapshot.threads.empty());
  for (std::size_t i = 0; i < snapshot.threads.size(); ++i) {
    assert(i == 0 || snapshot.threads[i - 1].tid < snapshot.threads[i].tid);
    for (const std::uint64_t value : snapshot.threads[i].registers.by_dwarf_number) {
      read_around(memory, {value});
    }
  }
  Address end;
  for (const Mapping& mapping : snapshot.mappings) {
    assert(end <= mapping.start && mapping.start < mapping.end);
    end = mapping.end;
    read_around(memory, mapping.start);
    read_around(memory, mapping.end);
  }
  end = {};
  for (const Module& module : snapshot.modules) {
    assert(end <= module.start && module.start < module.end);
    end = module.end;
  }
}

}  // namespace
}  // namespace pstuck

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pstuck::write_file(data, size);
  try {
    const auto path = fmt::format("/proc/self/fd/{}", pstuck::the_file());
    const auto target = pstuck::open_core_target(path, {});
    pstuck::check(target->capture({}), target->memory());
  } catch (const pstuck::Error&) {
    // most inputs are no core
  }
  return 0;
}
