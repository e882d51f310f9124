#include "transport/origin.h"

#include <Poco/Net/IPAddress.h>

namespace pillard::transport {

namespace {
/// The host of "host:port", "[v6]:port", "host"; lower case, without brackets.
std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return {};
    return std::string(authority.substr(1, end - 1));
  }
  std::string host(authority.substr(0, authority.find(':')));
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return host;
}

std::string_view authority_of(std::string_view origin) {
  const auto scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view{} : origin.substr(scheme + 3);
}
}  // namespace

OriginPolicy::OriginPolicy(const config::Server& server) {
  for (const auto* list : {&server.origins, &server.own})
    for (const auto& origin : *list) {
      origins_.insert(origin);
      hosts_.insert(host_of(authority_of(origin)));
    }
  for (const auto& endpoint : server.listen) loopback_only_ = loopback_only_ && endpoint.loopback();
}

bool OriginPolicy::blind_fetch(const wire::HttpRequest& request) {
  const auto site = request.header("Sec-Fetch-Site");
  const auto mode = request.header("Sec-Fetch-Mode");
  return site == "cross-site" || site == "same-site" || mode == "navigate" || mode == "no-cors";
}

bool OriginPolicy::literal_host(std::string_view authority) {
  const auto host = host_of(authority);
  Poco::Net::IPAddress address;
  return host == "localhost" || host.ends_with(".localhost") || Poco::Net::IPAddress::tryParse(host, address);
}

bool OriginPolicy::known_host(std::string_view authority) const {
  return literal_host(authority) || hosts_.contains(host_of(authority));
}

Origin OriginPolicy::origin(const wire::HttpRequest& request) const {
  const auto count = std::count_if(request.headers.begin(), request.headers.end(), [](const auto& field) {
    return field.first.size() == 6 && strncasecmp(field.first.c_str(), "origin", 6) == 0;
  });
  if (count == 0) return Origin::kNone;
  if (count > 1) return Origin::kRefused;
  const auto origin = config::parse_origin(*request.header("Origin"));
  if (!origin) return Origin::kRefused;
  // A page that asks the very address it came from; a name is trusted only if it can be ours.
  const auto host = request.header("Host").value_or(std::string_view{});
  for (const std::string_view scheme : {"https://", "http://"})
    // Over TLS the page of the same name without is another one. Without, something in front may have ended TLS.
    if ((!request.secure || scheme == "https://") && known_host(host) &&
        config::parse_origin(std::string(scheme) + std::string(host)) == origin)
      return Origin::kSame;
  return origins_.contains(*origin) ? Origin::kAllowed : Origin::kRefused;
}

bool OriginPolicy::host(const wire::HttpRequest& request) const {
  const auto host = request.header("Host");
  return !loopback_only_ || (host && known_host(*host));
}

void OriginPolicy::add_cors(wire::HttpResponse& response, const wire::HttpRequest& request, Origin origin) {
  response.headers.emplace_back("Vary", "Origin");
  if (origin != Origin::kAllowed && origin != Origin::kSame) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", *request.header("Origin"));
  response.headers.emplace_back("Access-Control-Allow-Credentials", "true");
}

}  // namespace pillard::transport
