#include "cli/run/terminal.h"

#include <fcntl.h>
#include <unistd.h>

namespace pstuck {

Terminal::Terminal() : descriptor_(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)) {}

bool Terminal::hand_over(pid_t from, pid_t to) const {
  return exists() && ::tcgetpgrp(descriptor_.get()) == from &&
         ::tcsetpgrp(descriptor_.get(), to) == 0;
}

}  // namespace pstuck
