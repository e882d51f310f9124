#pragma once
// Whom a proxy speaks for: X-Forwarded-For and -Proto, and Forwarded (RFC 7239). Anybody can send these fields, so they
// count only as far as those who wrote them are trusted: read from the right, where the nearest proxy has written.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/address.h"

namespace pillard::wire {

/// One step of a request's way, as a proxy noted it.
struct ForwardedStep {
  std::optional<Address> from;  // none: not said, unknown, or hidden on purpose
  std::string proto;            // lower case; empty: not said
};

/// [any] The value of one Forwarded field, from left to right. Empty optional if it breaks RFC 7239's grammar.
std::optional<std::vector<ForwardedStep>> parse_forwarded(std::string_view value);

/// [any] One address as proxies write it: bare, or with a port and then IPv6 in brackets.
std::optional<Address> parse_node(std::string_view text);

/// Who asks, and how.
struct Client {
  Address address;
  bool secure = false;  // by TLS, to the daemon or to a trusted proxy
  bool operator==(const Client&) const = default;
};

/// [any] Immutable.
class TrustedProxies {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  enum class By { kXForwarded, kForwarded };

  TrustedProxies() = default;
  /// Entries are networks, or "unix" for whoever can open the unix socket. Throws std::invalid_argument for others.
  TrustedProxies(const std::vector<std::string>& entries, By by);

  bool trusts(const Address& peer) const noexcept;
  /// The right-most address that is not trusted itself, and the scheme that goes with it. What `peer` says does not
  /// count unless it is trusted, nor does what cannot be read: then the peer itself is the client.
  Client client(const Address& peer, bool secure, const Fields& headers) const;

 private:
  Client by_x_forwarded(Client peer, const Fields& headers) const;
  Client by_forwarded(Client peer, const Fields& headers) const;

  std::vector<Network> networks_;
  bool unix_ = false;
  By by_ = By::kXForwarded;
};

}  // namespace pillard::wire
