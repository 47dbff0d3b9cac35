#pragma once

#include "attach/socket_table.h"

namespace pstuck {

/// Sets other_end of a connected socket of the process to the socket that it is connected with,
/// where that is on this machine; while the connection waits to be accepted, to the socket that
/// listens. In which of the other network namespaces a TCP connection ends its addresses must tell,
/// which mean something else in each: so none where they fit to several.
void find_socket_peer(OpenFile& file, Tid process, SocketTables& sockets);

/// The same of a socket that is about to be connected with `address`, or with what is at
/// its path: to the socket that listens there, if no connection fits into its queue. Of TCP only in
/// the process's own network namespace.
void find_listener(OpenFile& file, Tid process, const std::string& address,
                   std::optional<FileId> at, SocketTables& sockets);

}  // namespace pstuck
