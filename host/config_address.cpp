// The literal forms that configuration values have: addresses, networks, origins.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "config_values.h"

namespace pillard::config {
namespace {

using Address = std::array<std::uint8_t, 16>;  // in network byte order

/// The address in network byte order if `text` is a literal one.
bool parse_address(std::string_view text, bool v6, Address& bytes) {
  const std::string terminated(text);
  return terminated.find('\0') == std::string::npos &&
         inet_pton(v6 ? AF_INET6 : AF_INET, terminated.c_str(), bytes.data()) == 1;
}

std::string address_text(bool v6, const Address& bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

constexpr std::string_view kUnix = "unix:";

/// Absolute, short enough for the kernel, and without what would be read differently in a list or a log.
bool valid_socket_path(std::string_view path) {
  constexpr std::size_t kMost = sizeof(sockaddr_un{}.sun_path) - 1;
  return path.starts_with('/') && path.size() > 1 && path.size() <= kMost && !path.ends_with('/') &&
         std::all_of(path.begin(), path.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != ',' && c != '"' && c != '\\'; });
}

/// The parts of "host:port" with the brackets of an IPv6 host taken off; not validated.
std::optional<std::pair<std::string_view, std::string_view>> split_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  return std::pair(host, text.substr(colon + 1));
}

}  // namespace

bool Endpoint::loopback() const noexcept { return unix_socket() || host == "::1" || host.starts_with("127."); }
bool Endpoint::wildcard() const noexcept { return host == "::" || host == "0.0.0.0"; }
std::string Endpoint::text() const {
  if (unix_socket()) return std::string(kUnix) + path;
  return fmt::format("{}{}{}:{}", v6() ? "[" : "", host, v6() ? "]" : "", port);
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with(kUnix)) {
    text.remove_prefix(kUnix.size());
    if (!valid_socket_path(text)) return std::nullopt;
    return Endpoint{.path = std::string(text)};
  }
  const auto parts = split_endpoint(text);
  if (!parts) return std::nullopt;
  const auto [host, port_text] = *parts;
  const auto port = number(port_text, 65535);
  const bool v6 = host.find(':') != std::string_view::npos;
  Address bytes{};
  if (!port || !parse_address(host, v6, bytes)) return std::nullopt;
  return Endpoint{address_text(v6, bytes), static_cast<std::uint16_t>(*port)};
}

bool valid_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = text.substr(0, slash);
  const bool v6 = address.find(':') != std::string_view::npos;
  const unsigned bits = v6 ? 128 : 32;
  const auto prefix = slash == std::string_view::npos ? bits : number(text.substr(slash + 1), bits);
  Address bytes{};
  if (!prefix || !parse_address(address, v6, bytes)) return false;
  for (unsigned bit = *prefix; bit < bits; ++bit)
    if ((bytes[bit / 8] & (0x80u >> (bit % 8))) != 0) return false;
  return true;
}

std::optional<std::string> parse_origin(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (lower.ends_with('/')) lower.pop_back();
  const bool tls = lower.starts_with("https://");
  if (!tls && !lower.starts_with("http://")) return std::nullopt;
  const std::string_view authority = std::string_view(lower).substr(tls ? 8 : 7);
  const auto bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == std::string_view::npos) return std::nullopt;
  const auto colon = authority.find(':', bracket);
  const auto host = authority.substr(0, colon);
  Address bytes{};
  const bool host_ok = bracket > 0
                           ? bracket + 1 == host.size() && parse_address(host.substr(1, bracket - 1), true, bytes)
                           : !host.empty() && only(host, "-._") && host.front() != '-' && host.front() != '.' &&
                                 host.find("..") == std::string_view::npos;
  if (!host_ok) return std::nullopt;
  const auto name = bracket > 0 ? "[" + address_text(true, bytes) + "]" : std::string(host);
  const std::string origin = (tls ? "https://" : "http://") + name;
  if (colon == std::string_view::npos) return origin;
  const auto port = number(authority.substr(colon + 1), 65535);
  if (!port || *port == 0) return std::nullopt;
  return *port == (tls ? 443u : 80u) ? origin : origin + ":" + std::to_string(*port);
}

}  // namespace pillard::config
