// Who is at the other end of a socket: asked of the kernel about sockets of this process.

#include "attach/socket_peers.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "attach/open_files.h"
#include "attach/sockets.h"

namespace pstuck {
namespace {

using namespace std::chrono_literals;

const Tid kSelf{::getpid()};

FileId id_of(const Descriptor& file) {
  struct stat facts {};
  EXPECT_EQ(::fstat(file.get(), &facts), 0);
  return {0, facts.st_ino};
}

OpenFile file_of(const Descriptor& socket) {
  return {.descriptor = socket.get(),
          .kind = FileKind::kSocket,
          .id = id_of(socket),
          .socket = read_socket_facts(socket.get())};
}

std::pair<Descriptor, Descriptor> make_pair_of(int type) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor make_socket(int family, int flags = 0) {
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  EXPECT_TRUE(socket.is_open());
  return socket;
}

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&bytes); }
};

Address loopback(std::uint16_t port = 0) {
  Address address{.size = sizeof(sockaddr_in)};
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = port;
  ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::memcpy(&address.bytes, &ipv4, sizeof ipv4);
  return address;
}

/// "::ffff:127.0.0.1": IPv4 through a socket of IPv6.
Address mapped_loopback(std::uint16_t port) {
  Address address{.size = sizeof(sockaddr_in6)};
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = port;
  EXPECT_EQ(::inet_pton(AF_INET6, "::ffff:127.0.0.1", &ipv6.sin6_addr), 1);
  std::memcpy(&address.bytes, &ipv6, sizeof ipv6);
  return address;
}

Address at_path(const std::string& path) {
  Address address;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  std::memcpy(&address.bytes, &name, sizeof name);
  return address;
}

Descriptor listen_at(int family, const Address& address, int backlog) {
  Descriptor socket = make_socket(family);
  EXPECT_EQ(::bind(socket.get(), address.get(), address.size), 0);
  EXPECT_EQ(::listen(socket.get(), backlog), 0);
  return socket;
}

std::uint16_t port_of(const Descriptor& socket) {
  Address address{.size = sizeof(sockaddr_storage)};
  EXPECT_EQ(::getsockname(socket.get(), address.get(), &address.size), 0);
  sockaddr_in ipv4{};
  std::memcpy(&ipv4, &address.bytes, sizeof ipv4);
  return ipv4.sin_port;
}

Descriptor connect_to(int family, const Address& address) {
  Descriptor socket = make_socket(family);
  EXPECT_EQ(::connect(socket.get(), address.get(), address.size), 0);
  return socket;
}

class SocketPeers : public ::testing::Test {
 protected:
  OpenFile with_peer(const Descriptor& socket) {
    OpenFile file = file_of(socket);
    find_socket_peer(file, kSelf, sockets_);
    return file;
  }

  OpenFile about_to_connect(const Descriptor& socket, const std::string& address,
                            std::optional<FileId> at = {}) {
    OpenFile file = file_of(socket);
    find_listener(file, kSelf, address, at, sockets_);
    return file;
  }

  SocketTables sockets_;
};

TEST_F(SocketPeers, EachOfAPairIsTheOthers) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    const auto [first, second] = make_pair_of(type);
    EXPECT_EQ(with_peer(first).other_end, id_of(second)) << type;
    EXPECT_EQ(with_peer(second).other_end, id_of(first)) << type;
    EXPECT_FALSE(with_peer(first).socket->pending);
  }
}

TEST_F(SocketPeers, AnyoneMaySendToADatagramSocketWithAName) {
  const Descriptor named(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const Address name = at_path(std::string("\0pstuck-test-datagram", 21));
  ASSERT_EQ(::bind(named.get(), name.get(), name.size), 0);
  ASSERT_EQ(::connect(named.get(), name.get(), name.size), 0);
  EXPECT_EQ(with_peer(named).other_end, std::nullopt);
}

TEST_F(SocketPeers, AUnixConnectionIsTheListenersUntilItIsAccepted) {
  const std::string name = fmt::format("pstuck-test-{}", ::getpid());
  const Address address = at_path('\0' + name);
  const Descriptor other = listen_at(AF_UNIX, at_path('\0' + name + "-other"), 1);
  const Descriptor listener = listen_at(AF_UNIX, address, 0);
  const Descriptor client = connect_to(AF_UNIX, address);
  EXPECT_EQ(with_peer(client).other_end, id_of(listener));
  EXPECT_TRUE(with_peer(client).socket->pending);

  const Descriptor next = make_socket(AF_UNIX, SOCK_NONBLOCK);
  ASSERT_NE(::connect(next.get(), address.get(), address.size), 0) << "the queue is full";
  EXPECT_EQ(about_to_connect(next, "@" + name).other_end, id_of(listener));
  EXPECT_EQ(about_to_connect(next, "@" + name + "-other").other_end, std::nullopt)
      << "room is left";

  const Descriptor server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(with_peer(client).other_end, id_of(server));
  EXPECT_EQ(with_peer(server).other_end, id_of(client));
  EXPECT_FALSE(with_peer(client).socket->pending);
  EXPECT_EQ(about_to_connect(next, "@" + name).other_end, std::nullopt) << "room is left";
}

TEST_F(SocketPeers, AListenerWithAPathIsFoundByItsFile) {
  const std::string path = fmt::format("/tmp/pstuck-test-{}", ::getpid());
  const Descriptor listener = listen_at(AF_UNIX, at_path(path), 0);
  struct stat file {};
  ASSERT_EQ(::stat(path.c_str(), &file), 0);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  const auto listeners = sockets_.of(kSelf).find_unix_listeners();
  const auto found = std::ranges::find(listeners, id_of(listener).inode, &UnixSocket::inode);
  ASSERT_NE(found, listeners.end());
  EXPECT_EQ(found->name, path);
  EXPECT_EQ(found->file, (FileId{file.st_dev, file.st_ino}));
}

TEST_F(SocketPeers, ATcpConnectionOfThisMachineHasBothEndsHere) {
  const Descriptor listener = listen_at(AF_INET, loopback(), 0);
  const std::uint16_t port = port_of(listener);
  const Descriptor client = connect_to(AF_INET, loopback(port));
  EXPECT_EQ(with_peer(client).other_end, id_of(listener));
  EXPECT_TRUE(with_peer(client).socket->pending);

  const Descriptor next = make_socket(AF_INET, SOCK_NONBLOCK);
  const std::string address = fmt::format("127.0.0.1:{}", ntohs(port));
  EXPECT_NE(::connect(next.get(), loopback(port).get(), sizeof(sockaddr_in)), 0);
  EXPECT_EQ(about_to_connect(next, address).other_end, id_of(listener));

  const Descriptor server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(with_peer(client).other_end, id_of(server));
  EXPECT_EQ(with_peer(server).other_end, id_of(client));
  EXPECT_FALSE(with_peer(client).socket->pending);
  EXPECT_EQ(about_to_connect(next, address).other_end, std::nullopt) << "room is left";
  EXPECT_EQ(with_peer(listener).other_end, std::nullopt) << "anybody may connect";
}

TEST_F(SocketPeers, Ipv4ThroughASocketOfIpv6IsTheSameConnection) {
  const Descriptor listener = listen_at(AF_INET, loopback(), 1);
  const Descriptor client = connect_to(AF_INET6, mapped_loopback(port_of(listener)));
  const Descriptor server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(with_peer(client).other_end, id_of(server));
  EXPECT_EQ(with_peer(server).other_end, id_of(client));
}

TEST_F(SocketPeers, WhereSeveralListenNobodyIsNamed) {
  const auto listen_too = [](std::uint16_t port) {
    Descriptor socket = make_socket(AF_INET);
    const int yes = 1;
    EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes), 0);
    EXPECT_EQ(::bind(socket.get(), loopback(port).get(), sizeof(sockaddr_in)), 0);
    EXPECT_EQ(::listen(socket.get(), 1), 0);
    return socket;
  };
  const Descriptor first = listen_too(0);
  const Descriptor second = listen_too(port_of(first));
  const Descriptor client = connect_to(AF_INET, loopback(port_of(first)));
  EXPECT_EQ(with_peer(client).other_end, std::nullopt);
  EXPECT_FALSE(with_peer(client).socket->pending);
}

TEST(Sockets, TellTheirTimeLimits) {
  const auto [first, second] = make_pair_of(SOCK_STREAM);
  EXPECT_EQ(read_socket_facts(first.get()).receive_timeout, std::nullopt);
  const timeval limit{.tv_sec = 2, .tv_usec = 500'000};
  ASSERT_EQ(::setsockopt(first.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
  EXPECT_EQ(read_socket_facts(first.get()).receive_timeout, 2500ms);
  EXPECT_EQ(read_socket_facts(first.get()).send_timeout, std::nullopt);
  ASSERT_EQ(::setsockopt(second.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
  EXPECT_EQ(read_socket_facts(second.get()).send_timeout, 2500ms);
}

TEST(SocketTable, ReadsAddressesAsTheyAreTold) {
  const auto ipv4 = parse_inet_end("127.0.0.1:80");
  ASSERT_TRUE(ipv4);
  EXPECT_FALSE(ipv4->is_v6);
  EXPECT_EQ(ipv4->address[0], htonl(INADDR_LOOPBACK));
  EXPECT_EQ(ipv4->port, 80);
  EXPECT_EQ(parse_inet_end("[::ffff:127.0.0.1]:80"), ipv4);
  EXPECT_TRUE(parse_inet_end("[::1]:443")->is_v6);
  for (const char* text : {"", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "[::1]:80x",
                           "[]:1", "::1:80", "/run/x:1"}) {
    EXPECT_EQ(parse_inet_end(text), std::nullopt) << text;
  }
}

TEST(SocketTable, CutMessagesAreReadAsFarAsTheyGo) {
  std::array<std::byte, 44> message{};  // header, and one attribute with a peer
  message[1] = std::byte{SOCK_STREAM};
  message[4] = std::byte{7};
  message[16] = std::byte{8};
  message[18] = std::byte{2};  // UNIX_DIAG_PEER
  message[20] = std::byte{9};
  for (std::size_t size = 0; size <= message.size(); ++size) {
    const auto socket = parse_unix_socket(std::span(message).first(size));
    ASSERT_EQ(socket.has_value(), size >= 16) << size;
    if (!socket) continue;
    EXPECT_EQ(socket->inode, 7U);
    EXPECT_EQ(socket->peer, size >= 24 ? std::optional<std::uint32_t>(9) : std::nullopt) << size;
  }
  EXPECT_FALSE(parse_inet_socket(std::span(message)).has_value());
}

}  // namespace
}  // namespace pstuck
