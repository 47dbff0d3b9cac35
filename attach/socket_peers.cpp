#include "attach/socket_peers.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace pstuck {
namespace {

FileId of_socket(std::uint32_t inode) { return {0, inode}; }

void wait_for(const FileId& listener, OpenFile& file) {
  file.other_end = listener;
  file.socket->pending = true;
}

/// Connections that nobody has accepted have no inode; those of programs that closed them neither.
bool waits_to_be_accepted(const InetSocket& socket) {
  constexpr std::uint8_t kNewSynRecv = 12;  // include/net/tcp_states.h
  return socket.state == TCP_ESTABLISHED || socket.state == TCP_SYN_RECV ||
         socket.state == TCP_CLOSE_WAIT || socket.state == kNewSynRecv;
}

bool is_any(const InetEnd& end) {
  return std::ranges::all_of(end.address, [](std::uint32_t part) { return part == 0; });
}

bool is_loopback(const InetEnd& end) {
  constexpr std::uint32_t kNetwork = 127;
  if (!end.is_v6) return ntohl(end.address[0]) >> 24U == kNetwork;
  return end.address == std::array<std::uint32_t, 4>{0, 0, 0, htonl(1)};
}

/// The one that gets the connections to `end`. None where several do: the kernel spreads them.
std::optional<InetSocket> find_inet_listener(const InetEnd& end, SocketTable& sockets) {
  // What listens for IPv6 gets those of IPv4 that no other wants.
  for (const bool is_v6 : {end.is_v6, true}) {
    const std::vector<InetSocket> all = sockets.find_listeners(is_v6, end.port);
    for (const bool exact : {true, false}) {
      std::vector<InetSocket> matching;
      std::ranges::copy_if(all, std::back_inserter(matching), [&](const InetSocket& socket) {
        return exact ? socket.local == end : is_any(socket.local);
      });
      if (matching.size() > 1) return {};
      if (matching.size() == 1) return matching.front();
    }
  }
  return {};
}

void take_for_peer(const InetSocket& peer, SocketTable& sockets, OpenFile& file) {
  if (peer.inode != 0) {
    file.other_end = of_socket(peer.inode);
  } else if (waits_to_be_accepted(peer)) {
    const auto listener = find_inet_listener(peer.local, sockets);
    if (listener && listener->inode != 0) wait_for(of_socket(listener->inode), file);
  }
}

void find_inet_peer(OpenFile& file, Tid process, SocketTables& sockets) {
  const auto local = parse_inet_end(file.socket->local);
  const auto remote = parse_inet_end(file.socket->remote);
  if (!local || !remote) return;
  SocketTable& own = sockets.of(process);
  if (const auto peer = own.find_connection(*remote, *local)) {
    return take_for_peer(*peer, own, file);
  }
  if (is_loopback(*remote)) return;
  std::vector<std::pair<InetSocket, SocketTable*>> peers;
  for (SocketTable* const table : sockets.elsewhere(process)) {
    const auto& connections = table->all_connections();
    const auto peer = connections.find({*remote, *local});
    if (peer != connections.end()) peers.emplace_back(peer->second, table);
  }
  if (peers.size() != 1) return;
  const auto& [peer, table] = peers.front();
  take_for_peer(peer, *table, file);
  table->close();
}

/// Paths lead to sockets of all namespaces.
std::vector<UnixSocket> find_unix_listeners(Tid process, SocketTables& sockets) {
  std::vector<UnixSocket> listeners = sockets.of(process).find_unix_listeners();
  for (SocketTable* const table : sockets.elsewhere(process)) {
    const std::vector<UnixSocket>& others = table->all_unix_listeners();
    listeners.insert(listeners.end(), others.begin(), others.end());
  }
  return listeners;
}

void find_unix_peer(OpenFile& file, Tid process, SocketTables& sockets) {
  const auto own = sockets.of(process).find_unix(file.id->inode);
  // Anyone may send to a datagram socket with a name.
  if (!own || !own->peer || (own->type == SOCK_DGRAM && !own->name.empty())) return;
  if (*own->peer != 0) {
    file.other_end = of_socket(*own->peer);
    return;
  }
  for (const UnixSocket& listener : find_unix_listeners(process, sockets)) {
    if (std::ranges::find(listener.waiting, own->inode) == listener.waiting.end()) continue;
    wait_for(of_socket(listener.inode), file);
    return;
  }
}

}  // namespace

void find_socket_peer(OpenFile& file, Tid process, SocketTables& sockets) {
  if (!file.socket || !file.id || file.socket->state == "LISTEN") return;
  if (file.socket->protocol == "TCP") find_inet_peer(file, process, sockets);
  if (file.socket->protocol == "Unix") find_unix_peer(file, process, sockets);
}

void find_listener(OpenFile& file, Tid process, const std::string& address,
                   std::optional<FileId> at, SocketTables& sockets) {
  if (!file.socket) return;
  if (file.socket->protocol == "TCP") {
    const auto end = parse_inet_end(address);
    const auto listener = end ? find_inet_listener(*end, sockets.of(process)) : std::nullopt;
    // Another machine's port is none of what listens here on that port.
    const bool is_here = listener && (listener->local == *end || is_loopback(*end));
    if (is_here && listener->is_full) wait_for(of_socket(listener->inode), file);
  }
  if (file.socket->protocol != "Unix") return;
  const bool is_abstract = address.starts_with('@');
  // Names without a file are the namespace's own.
  const auto listeners = is_abstract ? sockets.of(process).find_unix_listeners()
                                     : find_unix_listeners(process, sockets);
  for (const UnixSocket& listener : listeners) {
    const bool is_it = is_abstract ? listener.name == address : at && listener.file == at;
    if (is_it && listener.is_full) wait_for(of_socket(listener.inode), file);
  }
}

}  // namespace pstuck
