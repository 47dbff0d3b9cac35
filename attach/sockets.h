#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "attach/kernel_facts.h"

namespace pstuck {

/// "10.0.0.5:5432", "[::1]:80", "/run/x.sock": of a sockaddr's bytes; empty for other families.
std::string socket_address_words(std::span<const std::byte> bytes);

/// Asks the kernel about a socket, through a descriptor of pstuck's own.
SocketFacts read_socket_facts(int socket);

}  // namespace pstuck
