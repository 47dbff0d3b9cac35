#include "attach/socket_table.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "attach/namespaces.h"
#include "attach/proc_files.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostMessages = 1 << 16;
constexpr std::uint32_t kListening = 1U << TCP_LISTEN;
constexpr std::size_t kMostNamespaces = 1024;

template <typename Value>
std::optional<Value> take_object(std::span<const std::byte>& bytes) {
  Value value;
  if (bytes.size() < sizeof value) return {};
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes = bytes.subspan(std::min(bytes.size(), NLMSG_ALIGN(sizeof value)));
  return value;
}

void turn_mapped_into_ipv4(InetEnd& end) {
  const std::array<std::uint32_t, 3> mapped{0, 0, htonl(0xffff)};
  if (!end.is_v6 || !std::equal(mapped.begin(), mapped.end(), end.address.begin())) return;
  end = {.address = {end.address[3]}, .port = end.port};
}

void read_attribute(std::uint16_t type, std::span<const std::byte> value, UnixSocket& socket) {
  if (type == UNIX_DIAG_PEER) socket.peer = take_object<std::uint32_t>(value);
  if (type == UNIX_DIAG_NAME && !value.empty()) {
    socket.name.assign(reinterpret_cast<const char*>(value.data()), value.size());
    const bool is_abstract = socket.name.front() == '\0';
    if (is_abstract) socket.name.front() = '@';
    if (!is_abstract) socket.name.resize(std::min(socket.name.find('\0'), socket.name.size()));
  }
  if (type == UNIX_DIAG_VFS) {
    constexpr unsigned kMinorBits = 20;  // include/linux/kdev_t.h
    const auto file = take_object<unix_diag_vfs>(value);
    if (!file) return;
    const std::uint32_t device = file->udiag_vfs_dev;
    socket.file = FileId{makedev(device >> kMinorBits, device & ((1U << kMinorBits) - 1)),
                         file->udiag_vfs_ino};
  }
  if (type == UNIX_DIAG_ICONS) {
    while (const auto inode = take_object<std::uint32_t>(value)) socket.waiting.push_back(*inode);
  }
  if (type == UNIX_DIAG_RQLEN) {
    const auto queue = take_object<unix_diag_rqlen>(value);
    socket.is_full = queue && queue->udiag_rqueue > queue->udiag_wqueue;
  }
}

/// Empty where it is not told.
std::string network_of(Tid process) {
  return ProcDirectory(proc_path(process)).read_link("ns/net");
}

/// A socket stays in the namespace in which it was made, whoever uses it later.
Descriptor open_netlink(Tid process) {
  Descriptor netlink;
  in_namespace_of(process, "net", CLONE_NEWNET, [&] {
    netlink = Descriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  });
  return netlink;
}

bool send_request(int netlink, std::span<const std::byte> request, bool for_all) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + request.size());
  header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | (for_all ? NLM_F_DUMP : 0));
  std::vector<std::byte> bytes(sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  bytes.insert(bytes.end(), request.begin(), request.end());
  return ::send(netlink, bytes.data(), bytes.size(), MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size());
}

}  // namespace

std::optional<InetEnd> parse_inet_end(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  InetEnd end;
  const char* const last = text.data() + text.size();
  const auto port = std::from_chars(text.data() + colon + 1, last, end.port);
  if (port.ec != std::errc{} || port.ptr != last) return {};
  std::string address(text.substr(0, colon));
  end.is_v6 = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (end.is_v6) address = address.substr(1, address.size() - 2);
  const int family = end.is_v6 ? AF_INET6 : AF_INET;
  if (::inet_pton(family, address.c_str(), end.address.data()) != 1) return {};
  turn_mapped_into_ipv4(end);
  return end;
}

std::optional<InetSocket> parse_inet_socket(std::span<const std::byte> message) {
  const auto found = take_object<inet_diag_msg>(message);
  if (!found) return {};
  InetSocket socket{.state = found->idiag_state, .inode = found->idiag_inode};
  socket.local.is_v6 = found->idiag_family == AF_INET6;
  socket.local.port = ntohs(found->id.idiag_sport);
  std::copy_n(std::begin(found->id.idiag_src), socket.local.is_v6 ? 4 : 1,
              socket.local.address.begin());
  socket.remote.is_v6 = socket.local.is_v6;
  socket.remote.port = ntohs(found->id.idiag_dport);
  std::copy_n(std::begin(found->id.idiag_dst), socket.local.is_v6 ? 4 : 1,
              socket.remote.address.begin());
  turn_mapped_into_ipv4(socket.local);
  turn_mapped_into_ipv4(socket.remote);
  socket.is_full = socket.state == TCP_LISTEN && found->idiag_rqueue > found->idiag_wqueue;
  return socket;
}

std::optional<UnixSocket> parse_unix_socket(std::span<const std::byte> message) {
  const auto found = take_object<unix_diag_msg>(message);
  if (!found) return {};
  UnixSocket socket{.type = found->udiag_type, .inode = found->udiag_ino};
  while (const auto attribute = take_object<rtattr>(message)) {
    const std::size_t size = attribute->rta_len;
    if (size < sizeof(rtattr) || size - sizeof(rtattr) > message.size()) break;
    read_attribute(attribute->rta_type, message.first(size - sizeof(rtattr)), socket);
    message = message.subspan(std::min(message.size(), RTA_ALIGN(size) - sizeof(rtattr)));
  }
  return socket;
}

std::vector<SocketTable::Message> SocketTable::ask(std::span<const std::byte> request,
                                                   bool for_all) {
  if (!was_opened_) netlink_ = open_netlink(process_);
  was_opened_ = true;
  std::vector<Message> messages;
  if (!netlink_.is_open() || !send_request(netlink_.get(), request, for_all)) return messages;
  std::vector<std::byte> buffer(64UL * 1024);
  // The kernel answers while it is asked, so there is nothing to wait for.
  while (messages.size() < kMostMessages) {
    const ssize_t got = ::recv(netlink_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) return messages;
    std::span<const std::byte> bytes(buffer.data(), static_cast<std::size_t>(got));
    while (const auto header = take_object<nlmsghdr>(bytes)) {
      const std::size_t size = header->nlmsg_len;
      if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || size < sizeof(nlmsghdr)) return messages;
      const auto body = bytes.first(std::min(bytes.size(), size - sizeof(nlmsghdr)));
      messages.emplace_back(body.begin(), body.end());
      bytes = bytes.subspan(std::min(bytes.size(), NLMSG_ALIGN(size) - sizeof(nlmsghdr)));
    }
    if (!for_all) return messages;
  }
  close();  // with what it has not told yet
  return messages;
}

void SocketTable::close() {
  netlink_ = {};
  was_opened_ = false;
}

const std::map<std::pair<InetEnd, InetEnd>, InetSocket>& SocketTable::all_connections() {
  if (connections_) return *connections_;
  connections_.emplace();
  for (const bool is_v6 : {false, true}) {
    inet_diag_req_v2 request{};
    request.sdiag_family = is_v6 ? AF_INET6 : AF_INET;
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = ~kListening;
    for (const Message& message : ask(std::as_bytes(std::span(&request, 1)), true)) {
      const auto socket = parse_inet_socket(message);
      if (socket) connections_->emplace(std::pair(socket->local, socket->remote), *socket);
    }
  }
  close();
  return *connections_;
}

const std::vector<UnixSocket>& SocketTable::all_unix_listeners() {
  if (!unix_listeners_) {
    unix_listeners_ = find_unix_listeners();
    close();
  }
  return *unix_listeners_;
}

SocketTable& SocketTables::of(Tid process) {
  std::string network = network_of(process);
  if (network.empty()) network = fmt::format("of process {}", process.value);
  return tables_.try_emplace(std::move(network), process).first->second;
}

std::vector<SocketTable*> SocketTables::elsewhere(Tid process) {
  if (!all_found_) {
    for (const Tid other : ProcDirectory("/proc").read_ids()) {
      const std::string network = network_of(other);
      if (!network.empty() && tables_.size() < kMostNamespaces) tables_.try_emplace(network, other);
    }
    all_found_ = true;
  }
  std::vector<SocketTable*> tables;
  const std::string own = network_of(process);
  for (auto& [network, table] : tables_) {
    if (network != own) tables.push_back(&table);
  }
  return tables;
}

std::optional<InetSocket> SocketTable::find_connection(const InetEnd& local,
                                                       const InetEnd& remote) {
  if (local.is_v6 != remote.is_v6) return {};
  inet_diag_req_v2 request{};
  request.sdiag_family = local.is_v6 ? AF_INET6 : AF_INET;
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_states = ~0U;
  request.id.idiag_sport = htons(local.port);
  request.id.idiag_dport = htons(remote.port);
  std::ranges::copy(local.address, std::begin(request.id.idiag_src));
  std::ranges::copy(remote.address, std::begin(request.id.idiag_dst));
  std::ranges::fill(request.id.idiag_cookie, INET_DIAG_NOCOOKIE);
  for (const Message& message : ask(std::as_bytes(std::span(&request, 1)), false)) {
    const auto socket = parse_inet_socket(message);
    if (socket && socket->state != TCP_LISTEN) return socket;
  }
  return {};
}

std::vector<InetSocket> SocketTable::find_listeners(bool is_v6, std::uint16_t port) {
  inet_diag_req_v2 request{};
  request.sdiag_family = is_v6 ? AF_INET6 : AF_INET;
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_states = kListening;
  request.id.idiag_sport = htons(port);
  std::vector<InetSocket> sockets;
  for (const Message& message : ask(std::as_bytes(std::span(&request, 1)), true)) {
    const auto socket = parse_inet_socket(message);
    if (socket && socket->local.port == port) sockets.push_back(*socket);
  }
  return sockets;
}

std::optional<UnixSocket> SocketTable::find_unix(std::uint64_t inode) {
  unix_diag_req request{};
  request.sdiag_family = AF_UNIX;
  request.udiag_ino = static_cast<std::uint32_t>(inode);
  request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER;
  std::ranges::fill(request.udiag_cookie, INET_DIAG_NOCOOKIE);
  for (const Message& message : ask(std::as_bytes(std::span(&request, 1)), false)) {
    const auto socket = parse_unix_socket(message);
    if (socket && socket->inode == inode) return socket;
  }
  return {};
}

std::vector<UnixSocket> SocketTable::find_unix_listeners() {
  unix_diag_req request{};
  request.sdiag_family = AF_UNIX;
  request.udiag_states = kListening;
  request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN;
  std::vector<UnixSocket> sockets;
  for (const Message& message : ask(std::as_bytes(std::span(&request, 1)), true)) {
    if (auto socket = parse_unix_socket(message)) sockets.push_back(std::move(*socket));
  }
  return sockets;
}

}  // namespace pstuck
