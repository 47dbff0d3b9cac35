#include "analyzers/waits/stdio_layout.h"

namespace pstuck {

void visit_files(Program& program, Memory& memory,
                 const std::function<void(Address file, const FileBytes& bytes)>& visit) {
  constexpr std::size_t kMostFiles = 4096;
  const auto list = program.find_libc_variable("_IO_list_all");
  auto file = list ? memory.read_object<Address>(*list) : std::nullopt;
  for (std::size_t i = 0; i < kMostFiles && file && file->value != 0; ++i) {
    const auto bytes = memory.read_object<FileBytes>(*file);
    if (!bytes || !bytes->has_magic()) return;
    visit(*file, *bytes);
    file = bytes->chain;
  }
}

std::string name_of_file(Address file, Program& program) {
  constexpr std::array<std::pair<const char*, const char*>, 3> kStandardFiles = {
      {{"_IO_2_1_stdin_", "stdin"}, {"_IO_2_1_stdout_", "stdout"}, {"_IO_2_1_stderr_", "stderr"}}};
  for (const auto& [symbol, name] : kStandardFiles) {
    if (program.find_libc_variable(symbol) == file) return name;
  }
  return {};
}

}  // namespace pstuck
