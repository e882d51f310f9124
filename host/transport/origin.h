#pragma once
// Who may talk to us from a browser. CORS does not cover WebSockets and preflights do not cover every POST: both are
// checked here, on the server.
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "config.h"
#include "wire/http_head.h"
#include "wire/http_response.h"

namespace pillard::transport {

enum class Origin {
  kNone,     // no browser, or a plain GET of one
  kSame,     // a page of the daemon's own address
  kAllowed,  // a page of a configured origin
  kRefused,  // any other page, or an Origin that is none
};

/// [any] Immutable.
class OriginPolicy {
 public:
  explicit OriginPolicy(const config::Server& server);

  Origin origin(const wire::HttpRequest& request) const;

  /// Whether the Host that was asked for can be ours. Behind a loopback listener only addresses, localhost and hosts of
  /// configured origins can: a name that an attacker lets resolve to 127.0.0.1 is refused.
  bool host(const wire::HttpRequest& request) const;

  /// [any] Whether the browser says of a request without an Origin that a foreign page asks, or an element or a
  /// navigation, of which no script reads the answer. It says so (Sec-Fetch-*) to https and to this machine.
  static bool blind_fetch(const wire::HttpRequest& request);

  /// [any] Whether `authority` (a Host) is an IP address or localhost, whatever port: no name that DNS could turn.
  static bool literal_host(std::string_view authority);

  /// Adds what a browser wants to see on every answer to a page of another origin, errors included.
  static void add_cors(wire::HttpResponse& response, const wire::HttpRequest& request, Origin origin);

 private:
  bool known_host(std::string_view authority) const;

  std::set<std::string, std::less<>> origins_;
  std::set<std::string, std::less<>> hosts_;  // of the origins, without port
  bool loopback_only_ = true;
};

}  // namespace pillard::transport
