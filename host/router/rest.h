#pragma once
// The HTTP calls of the old server's dashboards, and what operators ask: logging in and out, health.
#include <string>

#include "router/services.h"
#include "wire/http_head.h"
#include "wire/http_response.h"

namespace pillard::router {

/// The cookie that holds a session's token.
inline constexpr std::string_view kSessionCookie = "ssh_session";

/// What the transport found out about a request before it got here.
struct HttpContext {
  wire::Address client;
  bool same_origin = false;      // a browser's page of the daemon's own address asks
  bool secure = false;           // the browser sees https: its cookies may be Secure
  std::uint64_t connection = 0;  // its number in the log
};

/// [lane] of the reactor that is given. Each request gets one answer: from inside handle() or later.
class Rest {
 public:
  using Answer = Function<void(wire::HttpResponse)>;

  /// `base`: the path that browsers see it below; empty at the root.
  explicit Rest(const Services& services, std::chrono::seconds ttl, std::string base = {})
      : services_(services), ttl_(ttl), cookie_path_(base.empty() ? "/" : std::move(base)) {}

  /// Whether a request of this path takes a JSON body by POST: the transport holds such to its rules before handle().
  static bool is_call(std::string_view path) { return path.starts_with("/api/"); }

  /// `body` is empty for other methods than POST.
  void handle(reactor::Reactor& home, const wire::HttpRequest& request, std::string body, const HttpContext& context,
              Answer answer);

 private:
  void connect(reactor::Reactor& home, const std::string& body, const HttpContext& context, Answer answer);
  void keep(reactor::Reactor& home, session::Credential credential, const HttpContext& context, Answer answer);
  void disconnect(reactor::Reactor& home, const wire::HttpRequest& request, const HttpContext& context, Answer answer);
  void set_cookies(wire::HttpResponse& response, std::string_view token, std::chrono::seconds age, bool secure) const;

  const Services services_;
  const std::chrono::seconds ttl_;
  const std::string cookie_path_;
  observe::Throttle throttle_{std::chrono::seconds(10)};
};

/// [any] The token of a request: the cookie's, else the one a page of another site presents as `Authorization: Bearer`,
/// where browsers send no cookie. Empty: none.
std::string token_of(const wire::HttpRequest& request);

/// [any] An answer whose body is JSON, never cached.
wire::HttpResponse json_response(int status, std::string json);
/// [any] `{"error":...,"message":...}`
wire::HttpResponse error_response(int status, std::string_view message);

}  // namespace pillard::router
