#include "attach/core_notes.h"

#include <elf.h>
#include <sys/procfs.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "attach/aarch64_registers.h"
#include "attach/elf_image.h"

namespace pstuck {
namespace {

constexpr std::size_t kAlignment = 4;

// NT_FILE of 65,530 mappings with paths of 200 bytes has 15 MiB.
constexpr std::uint64_t kMostNoteBytes = 64 << 20;

template <typename T>
std::optional<T> object_at(std::span<const std::byte> bytes, std::size_t offset = 0) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return {};
  T object;
  std::memcpy(&object, bytes.data() + offset, sizeof object);
  return object;
}

/// The text up to a NUL.
std::string text_in(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return std::string(text.substr(0, text.find('\0')));
}

std::optional<CoreThread> parse_thread(std::span<const std::byte> content, Machine machine) {
  const auto status = object_at<prstatus_t>(content);
  constexpr std::size_t kRegisters = offsetof(prstatus_t, pr_reg);
  if (!status) return {};
  CoreThread thread{.tid = {status->pr_pid}, .signal = status->pr_cursig};
  if (machine == Machine::kAArch64) {
    if (content.size() < kRegisters + kAArch64RegistersSize) return {};
    thread.user.registers =
        parse_aarch64_registers(content.subspan<kRegisters, kAArch64RegistersSize>());
  } else {
    static_assert(sizeof status->pr_reg == kUserRegistersSize);
    thread.user = parse_user_registers(content.subspan<kRegisters, kUserRegistersSize>());
  }
  return thread;
}

std::optional<CoreSignal> parse_signal(std::span<const std::byte> content) {
  const auto info = object_at<siginfo_t>(content);
  if (!info) return {};
  return CoreSignal{.number = info->si_signo,
                    .code = info->si_code,
                    .address = {reinterpret_cast<std::uint64_t>(info->si_addr)},
                    .sender = {info->si_pid}};
}

std::optional<CoreProcess> parse_process(std::span<const std::byte> content) {
  const auto info = object_at<prpsinfo_t>(content);
  if (!info) return {};
  return CoreProcess{.pid = {info->pr_pid},
                     .parent = {info->pr_ppid},
                     .name = text_in(std::as_bytes(std::span(info->pr_fname))),
                     .arguments = text_in(std::as_bytes(std::span(info->pr_psargs)))};
}

bool is_page_size(std::uint64_t value) {
  return value == kPageSize || value == 4 * kPageSize || value == 16 * kPageSize;
}

CoreAuxiliaryVector parse_auxiliary_vector(std::span<const std::byte> content) {
  CoreAuxiliaryVector vector;
  for (std::size_t at = 0;; at += sizeof(Elf64_auxv_t)) {
    const auto entry = object_at<Elf64_auxv_t>(content, at);
    if (!entry || entry->a_type == AT_NULL) return vector;
    const Address value{entry->a_un.a_val};
    if (entry->a_type == AT_PHDR) vector.program_headers = value;
    if (entry->a_type == AT_ENTRY) vector.entry = value;
    if (entry->a_type == AT_EXECFN) vector.executable_name = value;
    if (entry->a_type == AT_SYSINFO_EHDR) vector.vdso = value;
    if (entry->a_type == AT_PAGESZ && is_page_size(value.value)) vector.page_size = value.value;
  }
}

/// Two words, then three for each range, then the names. The offsets count in units of the second
/// word: 4096 in the kernel's cores, 1 in those of gdb 13's gcore.
std::vector<CoreFileRange> parse_files(std::span<const std::byte> content) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const auto count = object_at<std::uint64_t>(content);
  const auto unit = object_at<std::uint64_t>(content, kWord);
  if (!count || !unit || *count > (content.size() - 2 * kWord) / (3 * kWord)) return {};

  std::vector<CoreFileRange> files;
  std::span<const std::byte> names = content.subspan((2 + 3 * *count) * kWord);
  for (std::size_t i = 0; i < *count && !names.empty(); ++i) {
    const std::size_t at = (2 + 3 * i) * kWord;
    CoreFileRange range{.start = {*object_at<std::uint64_t>(content, at)},
                        .end = {*object_at<std::uint64_t>(content, at + kWord)},
                        .path = text_in(names)};
    const bool overflow = __builtin_mul_overflow(*object_at<std::uint64_t>(content, at + 2 * kWord),
                                                 *unit, &range.file_offset);
    names = names.subspan(std::min(range.path.size() + 1, names.size()));
    if (!overflow && range.start < range.end) files.push_back(std::move(range));
  }
  return files;
}

void add_note(const ElfNote& note, Machine machine, CoreNotes& notes) {
  if (note.name != "CORE") return;
  switch (note.type) {
    case NT_PRSTATUS:
      if (auto thread = parse_thread(note.content, machine)) notes.threads.push_back(*thread);
      break;
    case NT_SIGINFO:
      if (!notes.threads.empty() && !notes.threads.back().received) {
        notes.threads.back().received = parse_signal(note.content);
      }
      break;
    case NT_PRPSINFO:
      if (!notes.process) notes.process = parse_process(note.content);
      break;
    case NT_AUXV:
      notes.auxiliary = parse_auxiliary_vector(note.content);
      break;
    case NT_FILE:
      std::ranges::move(parse_files(note.content), std::back_inserter(notes.files));
      break;
    default:
      break;
  }
}

/// One after the other: with thousands of threads they are many megabytes.
void read_notes(Memory& file, AddressRange rest, Machine machine, CoreNotes& notes) {
  std::vector<std::byte> bytes;
  while (rest.size() >= sizeof(Elf64_Nhdr)) {
    const auto header = file.read_object<Elf64_Nhdr>(rest.start);
    if (!header) return;
    const std::uint64_t size = std::min(note_size(*header, kAlignment), rest.size());
    if (size <= kMostNoteBytes) {
      bytes.resize(size);
      bytes.resize(file.read(rest.start, bytes));
      std::span<const std::byte> whole = bytes;
      const auto note = take_note(whole, kAlignment);
      if (!note) return;
      add_note(*note, machine, notes);
    }
    rest.start = rest.start + size;
  }
}

}  // namespace

void drop_overlaps(std::vector<CoreFileRange>& files) {
  std::ranges::stable_sort(files, {}, &CoreFileRange::start);
  Address end;
  std::erase_if(files, [&](const CoreFileRange& range) {
    if (range.start < end) return true;
    end = range.end;
    return false;
  });
}

CoreNotes read_core_notes(Memory& file, std::span<const AddressRange> segments, Machine machine) {
  CoreNotes notes;
  for (const AddressRange& segment : segments) read_notes(file, segment, machine, notes);
  drop_overlaps(notes.files);
  return notes;
}

}  // namespace pstuck
