#include "relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <array>
#include <stdexcept>
#include <vector>

namespace pillard::test {

namespace {

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) throw std::runtime_error("no address: " + host);
  return address;
}

ssh::Fd connect_to(const std::string& host, std::uint16_t port) {
  const auto address = address_of(host, port);
  ssh::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

}  // namespace

Relay::Relay(session::Credential to) : to_(std::move(to)) {
  listen(0);
  thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
  over_ = true;
  thread_.join();
}

session::Credential Relay::credential() const {
  auto credential = to_;
  credential.host = "127.0.0.1";
  credential.port = port_;
  return credential;
}

void Relay::listen(std::uint16_t port) {
  auto address = address_of("127.0.0.1", port);
  ssh::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd.get(), 16) != 0)
    throw std::runtime_error("the relay cannot listen");
  socklen_t size = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  listener_ = std::move(fd);
}

void Relay::run() {
  while (!over_) {
    if (shut_ && listener_) {
      pairs_.clear();
      listener_ = ssh::Fd();
    }
    if (!shut_ && !listener_) listen(port_);
    std::vector<pollfd> wanted;
    if (listener_) wanted.push_back({listener_.get(), POLLIN, 0});
    if (!stalled_) {
      for (const auto& pair : pairs_) {
        wanted.push_back({pair.client.get(), POLLIN, 0});
        wanted.push_back({pair.machine.get(), POLLIN, 0});
      }
    }
    constexpr int kLook = 5;  // ms, after the test's wishes
    if (poll(wanted.data(), wanted.size(), kLook) <= 0) continue;
    const auto readable = [&](const ssh::Fd& fd) {
      for (const auto& each : wanted)
        if (each.fd == fd.get() && each.revents != 0) return true;
      return false;
    };
    std::erase_if(pairs_, [&](const Pair& pair) {
      return (readable(pair.client) && !pass(pair.client, pair.machine, false)) ||
             (readable(pair.machine) && !pass(pair.machine, pair.client, corrupt_.exchange(false)));
    });
    if (listener_ && readable(listener_)) accept();
  }
}

void Relay::accept() {
  ssh::Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  auto machine = connect_to(to_.host, to_.port);
  if (client && machine) pairs_.push_back({std::move(client), std::move(machine)});
}

bool Relay::pass(const ssh::Fd& from, const ssh::Fd& to, bool damage) {
  std::array<char, 65536> bytes{};
  const auto got = recv(from.get(), bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  if (damage) bytes[static_cast<std::size_t>(got) / 2] ^= 1;
  for (ssize_t sent = 0; sent < got;) {
    const auto now = send(to.get(), bytes.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
    if (now <= 0) return false;
    sent += now;
  }
  return true;
}

}  // namespace pillard::test
