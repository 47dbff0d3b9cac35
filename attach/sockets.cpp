#include "attach/sockets.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace pstuck {
namespace {

union SocketAddress {
  sockaddr any;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
  sockaddr_un unix_path;
};

/// The kernel ends a path with a NUL, but not a name of the abstract namespace, which begins with
/// one.
std::string unix_words(const sockaddr_un& address, std::size_t size) {
  constexpr std::size_t kBegin = offsetof(sockaddr_un, sun_path);
  if (size <= kBegin) return {};
  std::string name(address.sun_path, std::min(size, sizeof address) - kBegin);
  if (name.front() == '\0') {
    name.front() = '@';
    return name;
  }
  return name.substr(0, name.find('\0'));
}

std::string address_words(const SocketAddress& address, std::size_t size) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  switch (address.any.sa_family) {
    case AF_INET:
      ::inet_ntop(AF_INET, &address.ipv4.sin_addr, text.data(), text.size());
      return fmt::format("{}:{}", text.data(), ntohs(address.ipv4.sin_port));
    case AF_INET6:
      ::inet_ntop(AF_INET6, &address.ipv6.sin6_addr, text.data(), text.size());
      return fmt::format("[{}]:{}", text.data(), ntohs(address.ipv6.sin6_port));
    case AF_UNIX:
      return unix_words(address.unix_path, size);
    default:
      return {};
  }
}

using AddressQuestion = int (*)(int, sockaddr*, socklen_t*);

std::string read_address(int socket, AddressQuestion ask) {
  SocketAddress address{};
  socklen_t size = sizeof address;
  if (ask(socket, &address.any, &size) != 0) return {};
  return address_words(address, size);
}

int read_option(int socket, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

std::string protocol_words(int family, int type) {
  switch (family) {
    case AF_INET:
    case AF_INET6:
      if (type == SOCK_STREAM) return "TCP";
      return type == SOCK_DGRAM ? "UDP" : "IP";
    case AF_UNIX:
      return "Unix";
    case AF_NETLINK:
      return "netlink";
    case AF_PACKET:
      return "packet";
    case AF_VSOCK:
      return "vsock";
    default:
      return fmt::format("family {}", family);
  }
}

/// include/net/tcp_states.h.
std::string read_tcp_state(int socket) {
  constexpr std::array<std::string_view, 13> kStates = {
      "",      "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",   "TIME_WAIT",
      "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV"};
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return info.tcpi_state < kStates.size() ? std::string(kStates[info.tcpi_state]) : "";
}

std::optional<std::uint32_t> read_queue(int socket, unsigned long request) {
  int bytes = 0;
  if (::ioctl(socket, request, &bytes) != 0 || bytes < 0) return {};
  return static_cast<std::uint32_t>(bytes);
}

std::optional<Tid> read_peer(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  return credentials.pid > 0 ? std::optional(Tid{credentials.pid}) : std::nullopt;
}

std::optional<std::chrono::nanoseconds> read_timeout(int socket, int option) {
  timeval time{};
  socklen_t size = sizeof time;
  if (::getsockopt(socket, SOL_SOCKET, option, &time, &size) != 0) return {};
  if (time.tv_sec == 0 && time.tv_usec == 0) return {};
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

std::string socket_address_words(std::span<const std::byte> bytes) {
  SocketAddress address{};
  const std::size_t size = std::min(bytes.size(), sizeof address);
  if (size < sizeof address.any.sa_family) return {};
  std::memcpy(&address, bytes.data(), size);
  return address_words(address, size);
}

SocketFacts read_socket_facts(int socket) {
  const int family = read_option(socket, SO_DOMAIN);
  const int type = read_option(socket, SO_TYPE);
  SocketFacts facts{.protocol = protocol_words(family, type),
                    .local = read_address(socket, ::getsockname),
                    .remote = read_address(socket, ::getpeername)};
  facts.receive_timeout = read_timeout(socket, SO_RCVTIMEO);
  facts.send_timeout = read_timeout(socket, SO_SNDTIMEO);
  if (facts.protocol == "TCP") facts.state = read_tcp_state(socket);
  if (read_option(socket, SO_ACCEPTCONN) == 1) {
    facts.state = "LISTEN";
    return facts;
  }
  facts.unread = read_queue(socket, SIOCINQ);
  facts.unsent = read_queue(socket, SIOCOUTQ);
  if (family == AF_UNIX) facts.peer = read_peer(socket);
  return facts;
}

}  // namespace pstuck
