#pragma once

/// What the notes of an ELF core tell; total on any bytes. The layouts are those of sys/procfs.h
/// and of fs/binfmt_elf.c, the same on x86-64 and AArch64 but for the registers; gdb's gcore and
/// qemu-user write the same.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attach/elf_image.h"
#include "attach/memory.h"
#include "attach/registers.h"

namespace pstuck {

/// NT_SIGINFO.
struct CoreSignal {
  int number = 0;
  int code = 0;
  Address address;  ///< of a fault; means nothing for other signals
  Tid sender;       ///< of a signal that was sent; means nothing for other ones
};

/// NT_PRSTATUS.
struct CoreThread {
  Tid tid;
  int signal = 0;        ///< that ended the process; 0 when it was alive
  ThreadRegisters user;  ///< on AArch64 without the system call: find_aarch64_syscall()
  std::optional<CoreSignal> received;  ///< from the note behind it
};

/// NT_PRPSINFO. Its state letter is not read: it tells of the dumping, not of what came before.
struct CoreProcess {
  Tid pid;
  Tid parent;
  std::string name;
  std::string arguments;  ///< joined by blanks, cut at 79 bytes
};

/// An entry of NT_FILE.
struct CoreFileRange {
  Address start;
  Address end;
  std::uint64_t file_offset = 0;  ///< in bytes
  std::string path;               ///< with the kernel's " (deleted)"
};

/// NT_AUXV, as far as it helps to find the program and the vDSO; see getauxval(3).
struct CoreAuxiliaryVector {
  std::optional<Address> program_headers;
  std::optional<Address> entry;
  std::optional<Address> executable_name;
  std::optional<Address> vdso;
  std::uint64_t page_size = kPageSize;  ///< 16 or 64 KiB only on AArch64
};

/// Sorts; of two ranges that overlap the lower one stays.
void drop_overlaps(std::vector<CoreFileRange>& files);

struct CoreNotes {
  /// In the order of the notes: kernel and gdb write first the thread that got the signal.
  std::vector<CoreThread> threads;
  std::optional<CoreProcess> process;
  std::vector<CoreFileRange> files;  ///< ascending, not overlapping
  CoreAuxiliaryVector auxiliary;
};

/// `segments` are where the core's PT_NOTE program headers lie in its file.
CoreNotes read_core_notes(Memory& file, std::span<const AddressRange> segments,
                          Machine machine = Machine::kX86_64);

}  // namespace pstuck
