#pragma once
// Addresses of clients, and the networks that they are in.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <Poco/Net/IPAddress.h>

namespace pillard::wire {

/// Who is at the other end. [any]
class Address {
 public:
  /// A process of this machine, on a unix socket: it has no address.
  Address() = default;
  /// An IPv4 address that an IPv6 socket shows as ::ffff:a.b.c.d is the IPv4 address.
  Address(const Poco::Net::IPAddress& ip);  // NOLINT(google-explicit-constructor): it is one

  /// A literal address, without port, brackets or zone.
  static std::optional<Address> parse(std::string_view text);

  bool unix_socket() const noexcept { return size_ == 0; }
  /// "192.0.2.7", "2001:db8::1", "unix"
  std::string text() const;
  /// What limits count as one client: an IPv4 address, or the /64 that an IPv6 host picks its addresses from.
  std::string group() const;
  /// In network byte order: 0, 4 or 16 bytes.
  std::string_view bytes() const noexcept { return {reinterpret_cast<const char*>(bytes_.data()), size_}; }

  bool operator==(const Address&) const = default;

 private:
  Address(const void* bytes, std::size_t size);
  std::array<std::uint8_t, 16> bytes_{};
  std::size_t size_ = 0;
};

/// [any] Immutable.
class Network {
 public:
  /// "10.0.0.0/8", "fd00::/8", "192.0.2.7": no bits are set behind the prefix.
  static std::optional<Network> parse(std::string_view text);
  bool contains(const Address& address) const noexcept;

 private:
  Address base_;
  unsigned prefix_ = 0;
};

}  // namespace pillard::wire
