#include "analyzers/waits/stdio_layout.h"

namespace pstuck {

std::string name_of_file(Address file, Program& program) {
  constexpr std::array<std::pair<const char*, const char*>, 3> kStandardFiles = {
      {{"_IO_2_1_stdin_", "stdin"}, {"_IO_2_1_stdout_", "stdout"}, {"_IO_2_1_stderr_", "stderr"}}};
  for (const auto& [symbol, name] : kStandardFiles) {
    if (program.find_libc_variable(symbol) == file) return name;
  }
  return {};
}

}  // namespace pstuck
