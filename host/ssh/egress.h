#pragma once
// Where the daemon may connect to for a user. Asked after DNS, with the very address that connect() then gets.
#include <string>
#include <vector>

#include <Poco/Net/IPAddress.h>

#include "session/result.h"

namespace pillard::ssh {

/// Immutable; all functions are [any].
class Egress {
 public:
  /// Entries are "10.0.0.0/8", "192.0.2.7", "fd00::/8", "::1".
  struct Options {
    std::vector<std::string> allow;  // reachable although denied by default
    std::vector<std::string> deny;   // never reachable, whatever `allow` says
  };

  /// The defaults alone.
  Egress() = default;
  /// kBadRequest naming the entry that is no address or network, or has bits set behind its prefix.
  static Result<Egress> parse(const Options& options);

  /// Denied by default: this host (0/8, 127/8, ::, ::1), link-local (169.254/16, fe80::/10), multicast, reserved and
  /// broadcast (224/3, ff00::/8) and the clouds' metadata services outside of these. Private networks are allowed:
  /// nodes live there. An IPv6 address that carries an IPv4 one (mapped, compatible, translated, 6to4, NAT64, Teredo)
  /// is denied if either is; `allow` of the IPv4 one covers the mapped form only.
  bool allowed(const Poco::Net::IPAddress& address) const;

 private:
  struct Network {
    Poco::Net::IPAddress address;
    unsigned prefix;
    bool contains(const Poco::Net::IPAddress& other) const;
  };
  static Result<Network> parse_network(const std::string& text);
  static bool any_of(const std::vector<Network>& networks, const Poco::Net::IPAddress& address);
  static const std::vector<Network>& denied_by_default();

  std::vector<Network> allow_;
  std::vector<Network> deny_;
};

}  // namespace pillard::ssh
