#include "tests/support/elf_bytes.h"

#include <elf.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include <array>
#include <cstring>

namespace pstuck::testing {
namespace {

Elf64_Ehdr make_header(std::uint16_t type, std::size_t program_headers) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = type;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<Elf64_Half>(program_headers);
  return header;
}

}  // namespace

void append_text(Bytes& bytes, std::string_view text) {
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes make_note(std::uint32_t type, const Bytes& content, std::string_view name) {
  Bytes note;
  append(note, Elf64_Nhdr{static_cast<Elf64_Word>(name.size() + 1),
                          static_cast<Elf64_Word>(content.size()), type});
  append_text(note, name);
  note.resize((note.size() + 4) / 4 * 4);
  note = note + content;
  note.resize((note.size() + 3) / 4 * 4);
  return note;
}

Bytes make_thread_note(int tid, std::int64_t syscall, std::int64_t result, short signal) {
  user_regs_struct registers{};
  registers.orig_rax = static_cast<unsigned long long>(syscall);
  registers.rax = static_cast<unsigned long long>(result);
  registers.rdi = 0x1111;
  registers.r10 = 0x4444;
  registers.rbx = 0x3333;
  registers.rsp = 0x7000;
  registers.rip = 0x401000;
  registers.fs_base = 0x7f00;
  prstatus_t status{};
  status.pr_pid = tid;
  status.pr_cursig = signal;
  std::memcpy(&status.pr_reg, &registers, sizeof registers);
  return make_object_note(NT_PRSTATUS, status);
}

Bytes make_files_note(std::uint64_t unit, const std::vector<FileRange>& ranges,
                      std::string_view names) {
  Bytes content;
  append(content, std::uint64_t{ranges.size()});
  append(content, unit);
  for (const FileRange& range : ranges) append(content, range);
  append_text(content, names);
  return make_note(NT_FILE, content);
}

Bytes make_library_page(std::string_view build_id, std::uint64_t data_size) {
  Bytes id;
  append_text(id, build_id);
  const Bytes note = make_note(NT_GNU_BUILD_ID, id, "GNU");
  const std::array headers = {
      Elf64_Phdr{.p_type = PT_LOAD,
                 .p_flags = PF_R | PF_X,
                 .p_filesz = 0x2000,
                 .p_memsz = 0x2000,
                 .p_align = 0x1000},
      Elf64_Phdr{.p_type = PT_LOAD,
                 .p_flags = PF_R | PF_W,
                 .p_offset = 0x2000,
                 .p_vaddr = 0x3000,
                 .p_filesz = 0x1000,
                 .p_memsz = data_size,
                 .p_align = 0x1000},
      Elf64_Phdr{.p_type = PT_NOTE,
                 .p_offset = 0x200,
                 .p_vaddr = 0x200,
                 .p_filesz = build_id.empty() ? 0 : note.size(),
                 .p_align = 4},
  };
  Bytes page;
  append(page, make_header(ET_DYN, headers.size()));
  append(page, headers);
  page.resize(0x200);
  page = page + note;
  page.resize(0x1000);
  return page;
}

Bytes make_core(const std::vector<CorePart>& parts) {
  Bytes core;
  append(core, make_header(ET_CORE, parts.size()));
  std::uint64_t offset = sizeof(Elf64_Ehdr) + parts.size() * sizeof(Elf64_Phdr);
  for (const CorePart& part : parts) {
    append(core, Elf64_Phdr{.p_type = part.type,
                            .p_flags = part.flags,
                            .p_offset = offset,
                            .p_vaddr = part.address,
                            .p_filesz = part.bytes.size(),
                            .p_memsz = part.memory_size});
    offset += part.bytes.size();
  }
  for (const CorePart& part : parts) core = core + part.bytes;
  return core;
}

}  // namespace pstuck::testing
