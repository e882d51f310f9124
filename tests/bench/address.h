#pragma once
// Addresses of TCP.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "descriptor.h"

namespace pillard::bench {

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  /// In 127.0.0.0/8.
  bool loopback4() const noexcept;
};

/// The first address that `HOST:PORT` or `[HOST]:PORT` has. Throws std::runtime_error if there is none.
Address resolve(const std::string& host_port);

/// 127.0.1.1 for 0, 127.0.1.2 for 1 and so on, port 0.
Address loopback_source(std::uint32_t number);

/// A TCP socket of the address's family, non-blocking and without Nagle's delay.
Descriptor open_socket(const Address& address);

/// The port that a bound socket has.
std::uint16_t bound_port(int fd);

}  // namespace pillard::bench
