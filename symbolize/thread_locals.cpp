// Where threads have their own copies of thread-local variables.
//
//     thread pointer ──▶ ┌ itself            dtv ──▶ generation            module 1 is the program
//                        ├ dtv                       { copy, … } of module 1
//       copy ─ … ─ just  └ …                         { copy, … } of module 2 …
//       before that
//
// The program's own variables are module 1 whenever it has any, and their copy lies just before the
// thread's descriptor (glibc 2.36: sysdeps/x86_64/nptl/tls.h, tcbhead_t; sysdeps/generic/dl-dtv.h).
// That is checked: other C libraries keep their dtv otherwise.

#include "symbolize/thread_locals.h"

#include <elfutils/libdwfl.h>

#include <algorithm>

namespace pstuck {
namespace {

constexpr std::uint64_t kDtvInDescriptor = 8;
constexpr std::uint64_t kFirstModuleInDtv = 16;

struct Segment {
  std::uint64_t size = 0;
  std::uint64_t alignment = 1;
};

std::optional<Segment> find_thread_local_segment(Dwfl_Module* module) {
  GElf_Addr bias = 0;
  Elf* elf = module ? dwfl_module_getelf(module, &bias) : nullptr;
  std::size_t count = 0;
  if (!elf || elf_getphdrnum(elf, &count) != 0) return {};
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (!gelf_getphdr(elf, static_cast<int>(i), &header) || header.p_type != PT_TLS) continue;
    return Segment{header.p_memsz, std::max<std::uint64_t>(header.p_align, 1)};
  }
  return {};
}

}  // namespace

void ThreadLocals::find_copies() {
  const auto& modules = snapshot_.modules;
  const auto program = std::ranges::find(modules, snapshot_.process.executable, &Module::path);
  if (program == modules.end()) return;
  program_ = static_cast<std::size_t>(program - modules.begin());
  const auto segment = find_thread_local_segment(modules_.open(program_));
  if (!segment) return;
  size_ = segment->size;
  for (const ThreadSnapshot& thread : snapshot_.threads) {
    const auto descriptor = thread.registers.thread_pointer;
    if (!descriptor) continue;
    const auto dtv = memory_.read_object<Address>(*descriptor + kDtvInDescriptor);
    const auto copy = dtv ? memory_.read_object<Address>(*dtv + kFirstModuleInDtv) : std::nullopt;
    if (!copy || *copy > *descriptor) continue;
    const std::uint64_t before = *descriptor - *copy;
    if (before >= size_ && before - size_ < 2 * segment->alignment) copies_.push_back(*copy);
  }
  std::ranges::sort(copies_);
}

std::optional<ThreadLocalPlace> ThreadLocals::find(Address at) {
  if (!looked_) find_copies();
  looked_ = true;
  const auto after = std::ranges::upper_bound(copies_, at);
  if (after == copies_.begin()) return {};
  const std::uint64_t offset = at - *std::prev(after);
  return offset < size_ ? std::optional(ThreadLocalPlace{program_, offset}) : std::nullopt;
}

}  // namespace pstuck
