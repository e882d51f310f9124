// What clients reach: addresses to listen on, who may come, and how much of everything.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config_values.h"

namespace pillard::config {
namespace {

constexpr std::string_view kEndpointHint =
    " is no address to listen on; write 127.0.0.1:3001, [::1]:3001 or, for every interface, 0.0.0.0:3001; or "
    "unix:/run/pillard/pillard.sock, with a path of 107 bytes at most";

std::vector<Endpoint> read_listen(const Config& config, bool port_replaced) {
  std::vector<Endpoint> endpoints;
  const auto values = config.list("server.listen", {"127.0.0.1:3001"});
  if (values.empty()) config.reject("server.listen", "at least one address is needed, such as 127.0.0.1:3001");
  for (const auto& value : values) {
    const auto endpoint = parse_endpoint(value);
    if (!endpoint) {
      config.reject("server.listen", in_quotes(value) + std::string(kEndpointHint));
    } else if (std::find(endpoints.begin(), endpoints.end(), *endpoint) == endpoints.end()) {
      endpoints.push_back(*endpoint);
    } else if (endpoint->unix_socket() || (!port_replaced && endpoint->port != 0)) {
      config.reject("server.listen", endpoint->text() + " stands twice");
    }
  }
  return endpoints;
}

std::vector<std::string> read_origins(const Config& config) {
  std::vector<std::string> origins;
  for (const auto& value : config.list("server.origins", {"http://localhost:3000"})) {
    if (value.find('*') != std::string::npos) {
      config.reject("server.origins",
                    "wildcards are refused: browsers send the session cookie along, so any page that matches could act "
                    "as the user; list each origin, such as https://dashboard.example");
    } else if (value.find('@') != std::string::npos) {
      config.reject("server.origins", "an origin has no user and no password: scheme://host[:port]");
    } else if (auto origin = parse_origin(value)) {
      if (std::find(origins.begin(), origins.end(), *origin) == origins.end()) origins.push_back(std::move(*origin));
    } else {
      config.reject("server.origins",
                    in_quotes(value) + " is no origin; write scheme://host[:port], such as https://dashboard.example");
    }
  }
  return origins;
}

std::vector<std::string> own_origins(const std::vector<Endpoint>& endpoints, bool tls) {
  std::set<std::string> origins;
  const std::string scheme = tls ? "https://" : "http://";
  for (const auto& endpoint : endpoints) {
    // Behind a wildcard any name may lead here; which ones are ours is for the operator to say.
    if (endpoint.unix_socket() || endpoint.wildcard() || endpoint.port == 0) continue;
    if (endpoint.loopback()) origins.insert(*parse_origin(fmt::format("{}localhost:{}", scheme, endpoint.port)));
    origins.insert(*parse_origin(scheme + endpoint.text()));
  }
  return {origins.begin(), origins.end()};
}

/// A path without a closing slash; empty if it was refused.
std::string plain_path(const Config& config, const std::string& key, std::string path) {
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '-' || c == '_' || c == '.' || c == '~';
  });
  const bool dots = (path + "/").find("/./") != std::string::npos || (path + "/").find("/../") != std::string::npos;
  if (!path.starts_with('/') || !plain || dots || path.find("//") != std::string::npos) {
    config.reject(key, in_quotes(path) + " is no path; it begins with / and is made of letters, digits and -_.~");
    return {};
  }
  if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string read_path(const Config& config) {
  auto path = plain_path(config, "server.path", config.text("server.path", "/", 1));
  if (path.empty()) return "/";
  for (const std::string_view taken : {"/api", "/ws", "/healthz", "/readyz", "/metrics"})
    if (path == taken || path.starts_with(std::string(taken) + "/"))
      config.reject("server.path", std::string(taken) + " is used by the daemon itself; choose another path");
  return path;
}

std::string read_base(const Config& config) {
  const auto base = config.text("server.base", "");
  if (base.empty() || base == "/") return {};
  return plain_path(config, "server.base", base);
}

unsigned read_mode(const Config& config, unsigned fallback) {
  const auto text = config.text("server.unix_mode", fmt::format("{:04o}", fallback));
  const bool octal = text.size() >= 3 && text.size() <= 4 &&
                     std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
  const auto mode = octal ? std::stoul(text, nullptr, 8) : 01000UL;
  if (mode <= 0777) return static_cast<unsigned>(mode);
  config.reject("server.unix_mode", in_quotes(text) + " are no rights of a file; write 0660, 0600 or 0666");
  return fallback;
}

}  // namespace

Server read_server(const Config& config, bool port_replaced, bool tls) {
  Server server;
  server.listen = read_listen(config, port_replaced);
  server.origins = read_origins(config);
  server.own = own_origins(server.listen, tls);
  server.path = read_path(config);
  server.base = read_base(config);
  server.unix_mode = read_mode(config, server.unix_mode);
  server.trusted_proxies = networks(config, "server.trusted_proxies", {"unix"});
  server.forwarded = choose<Forwarding>(
      config, "server.forwarded", {{"x-forwarded", Forwarding::kXForwarded}, {"forwarded", Forwarding::kForwarded}});
  server.reactors = static_cast<unsigned>(config.integer("server.reactors", 0, 0, 256));
  return server;
}

Tls read_tls(const Config& config, const std::filesystem::path& base) {
  Tls tls;
  for (auto [key, path] : {std::pair("tls.certificate", &tls.certificate), {"tls.key", &tls.key}})
    if (const auto value = config.text(key, ""); !value.empty()) *path = (base / value).lexically_normal();
  if (tls.certificate.empty() == tls.key.empty()) return tls;
  // Named where the other one stands: a key that is not there has no line.
  if (tls.key.empty()) {
    config.reject("tls.certificate", "needs the private key that belongs to it: set tls.key as well");
  } else {
    config.reject("tls.key", "needs the certificate that it belongs to: set tls.certificate as well");
  }
  return {};
}

void warn_of_server(const Settings& settings, std::vector<std::string>& warnings) {
  const auto& server = settings.server;
  const auto& proxies = server.trusted_proxies;
  const auto by_unix = [](const Endpoint& one) { return one.unix_socket(); };
  const bool any_unix = std::any_of(server.listen.begin(), server.listen.end(), by_unix);
  const bool trusts_unix = std::find(proxies.begin(), proxies.end(), "unix") != proxies.end();
  for (const auto& network : proxies)
    if (network.ends_with("/0"))
      warnings.push_back("server.trusted_proxies has " + network +
                         ": every client counts as a proxy, and says itself who it is");
  if (any_unix && !trusts_unix)
    warnings.emplace_back(
        "server.trusted_proxies lacks unix: all clients behind a unix socket share the limits of one address");
  if (trusts_unix && !any_unix) warnings.emplace_back("server.trusted_proxies has unix, but no unix socket listens");
  if (settings.tls.on() && std::all_of(server.listen.begin(), server.listen.end(), by_unix))
    warnings.emplace_back("tls.certificate is not used: unix sockets stay plain");
}

Admin read_admin(const Config& config, const Server& server) {
  Admin admin;
  const auto value = config.text("admin.listen", admin.listen->text());
  admin.listen = parse_endpoint(value);
  if (!value.empty() && !admin.listen) {
    config.reject("admin.listen", in_quotes(value) + std::string(kEndpointHint) + "; leave it empty to turn it off");
  } else if (admin.listen && (admin.listen->unix_socket() || admin.listen->port != 0) &&
             std::find(server.listen.begin(), server.listen.end(), *admin.listen) != server.listen.end()) {
    config.reject("admin.listen",
                  admin.listen->text() + " is taken by server.listen; metrics need an address of their own");
  }
  return admin;
}

Limits read_limits(const Config& config) {
  Limits limits;
  limits.connections = size(config, "limits.connections", limits.connections, 1, 1'000'000);
  limits.connections_per_address =
      size(config, "limits.connections_per_address", limits.connections_per_address, 1, 1'000'000);
  limits.head_bytes = size(config, "limits.head_bytes", limits.head_bytes, 1024, 65'536);
  limits.head_timeout = duration(config, "limits.head_timeout", limits.head_timeout, 100, 120'000);
  limits.idle_timeout = duration(config, "limits.idle_timeout", limits.idle_timeout, 100, 3'600'000);
  limits.body_bytes = size(config, "limits.body_bytes", limits.body_bytes, 1024, 16'777'216);
  limits.outbox_bytes = size(config, "limits.outbox_bytes", limits.outbox_bytes, 65'536, 268'435'456);
  limits.stall_timeout = duration(config, "limits.stall_timeout", limits.stall_timeout, 1000, 600'000);
  limits.messages_per_second =
      static_cast<unsigned>(size(config, "limits.messages_per_second", limits.messages_per_second, 1, 100'000));
  limits.messages_burst =
      static_cast<unsigned>(size(config, "limits.messages_burst", limits.messages_burst, 1, 1'000'000));
  limits.subscriptions = size(config, "limits.subscriptions", limits.subscriptions, 1, 100'000);
  return limits;
}

void replace_ports(Config& config, const std::string& port, const std::string& origin) {
  if (!number(port, 65535) || *number(port, 65535) == 0) {
    config.set("server.listen", "127.0.0.1:3001", origin);
    config.reject("server.listen", in_quotes(port) + " is no port: a number from 1 to 65535");
    return;
  }
  std::string listen;
  for (const auto& value : config.list("server.listen", {"127.0.0.1:3001"})) {
    auto endpoint = parse_endpoint(value);
    if (!endpoint) return;
    if (!endpoint->unix_socket()) endpoint->port = static_cast<std::uint16_t>(*number(port, 65535));
    listen += (listen.empty() ? "" : ", ") + endpoint->text();
  }
  if (!listen.empty()) config.set("server.listen", listen, origin);
}

}  // namespace pillard::config
