#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attach/descriptor.h"
#include "attach/kernel_facts.h"

namespace pstuck {

/// One end of a TCP connection. An IPv4 address that IPv6 sockets map is an IPv4 address.
struct InetEnd {
  bool is_v6 = false;
  std::array<std::uint32_t, 4> address{};  ///< in network byte order; of IPv4 the first
  std::uint16_t port = 0;

  friend auto operator<=>(const InetEnd&, const InetEnd&) = default;
};

/// "127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80".
std::optional<InetEnd> parse_inet_end(std::string_view text);

/// What sock_diag(7) tells of a socket.
struct InetSocket {
  std::uint8_t state = 0;  ///< include/net/tcp_states.h
  InetEnd local;
  InetEnd remote;
  std::uint32_t inode = 0;  ///< 0: no process has it
  bool is_full = false;     ///< of one that listens: no more connections fit into its queue
};

struct UnixSocket {
  std::uint8_t type = 0;
  std::uint32_t inode = 0;
  std::optional<std::uint32_t> peer;   ///< inode; 0: no process has the other end
  std::string name;                    ///< "/run/x.sock", "@abstract"; empty: none
  std::optional<FileId> file;          ///< that its path led to when it was bound
  std::vector<std::uint32_t> waiting;  ///< inodes of those whose connections wait to be accepted
  bool is_full = false;
};

/// From the bytes of one message, after its netlink header; total on any bytes.
std::optional<InetSocket> parse_inet_socket(std::span<const std::byte> message);
std::optional<UnixSocket> parse_unix_socket(std::span<const std::byte> message);

/// The kernel's table of the sockets in a process's network namespace. Where pstuck may not ask
/// there, it is empty.
class SocketTable {
 public:
  explicit SocketTable(Tid process) : process_(process) {}

  /// The connection between both, or none: one that listens is no such.
  std::optional<InetSocket> find_connection(const InetEnd& local, const InetEnd& remote);
  std::vector<InetSocket> find_listeners(bool is_v6, std::uint16_t port);

  std::optional<UnixSocket> find_unix(std::uint64_t inode);
  std::vector<UnixSocket> find_unix_listeners();

  /// All connections, and all Unix sockets that listen, as they were when they were first asked
  /// for. For tables of which many questions are asked: no descriptor stays open for it.
  const std::map<std::pair<InetEnd, InetEnd>, InetSocket>& all_connections();  // by local, remote
  const std::vector<UnixSocket>& all_unix_listeners();

  /// No descriptor stays open until the next question.
  void close();

 private:
  using Message = std::vector<std::byte>;

  /// `request`: what stands after the netlink header.
  std::vector<Message> ask(std::span<const std::byte> request, bool for_all);

  Tid process_;
  bool was_opened_ = false;
  Descriptor netlink_;
  std::optional<std::map<std::pair<InetEnd, InetEnd>, InetSocket>> connections_;
  std::optional<std::vector<UnixSocket>> unix_listeners_;
};

/// The tables of all network namespaces.
class SocketTables {
 public:
  /// Of the namespace that the process is in.
  SocketTable& of(Tid process);

  /// Of the namespaces that other processes are in but this one is not. All processes are asked for
  /// theirs once; some are left out where there are very many.
  std::vector<SocketTable*> elsewhere(Tid process);

 private:
  std::map<std::string, SocketTable> tables_;  // by what /proc calls the namespace
  bool all_found_ = false;
};

}  // namespace pstuck
