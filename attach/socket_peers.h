#pragma once

#include "attach/socket_table.h"

namespace pstuck {

/// Sets other_end of a connected socket to the socket that it is connected with, where that is in
/// the same network namespace; while the connection waits to be accepted, to the socket that
/// listens.
void find_socket_peer(OpenFile& file, SocketTable& sockets);

/// The same of a socket that is about to be connected with `address`, or with what is at
/// its path: to the socket that listens there, if no connection fits into its queue.
void find_listener(OpenFile& file, const std::string& address, std::optional<FileId> at,
                   SocketTable& sockets);

}  // namespace pstuck
