#include <string_view>

#include "attach/proc_parse.h"

// Every parser of /proc text takes any bytes: thread names and paths are the target's to choose.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  pstuck::parse_stat(text);
  pstuck::parse_status(text);
  pstuck::parse_syscall(text);
  pstuck::parse_sched(text);
  pstuck::parse_maps(text);
  pstuck::parse_command_line(text);
  pstuck::parse_container_id(text);
  return 0;
}
