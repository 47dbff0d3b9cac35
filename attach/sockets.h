#pragma once

#include "attach/kernel_facts.h"

namespace pstuck {

/// Asks the kernel about a socket, through a descriptor of pstuck's own.
SocketFacts read_socket_facts(int socket);

}  // namespace pstuck
