#include "attach/descriptor.h"

#include <sys/syscall.h>

namespace pstuck {

Descriptor copy_descriptor(int pidfd, int descriptor) {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, descriptor, 0)));
}

}  // namespace pstuck
