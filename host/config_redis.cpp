#include "config_redis.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace pillard::config {
namespace {

constexpr std::string_view kForm = "write redis://[[user]:password@]host[:port][/database]";

RedisUrlMistake mistake(std::string_view what) { return fmt::format("{}; {}", what, kForm); }

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
    out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  return out;
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > 65535) return std::nullopt;
  return value;
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  });
}

/// "user:password", "password" alone behind a colon. Empty if it is fine.
RedisUrlMistake read_login(std::string_view text, RedisUrl& url) {
  const auto colon = text.find(':');
  const auto user = percent_decoded(text.substr(0, colon));
  const auto password = percent_decoded(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  if (!user || !password) return mistake("a % in user or password is not followed by two hexadecimal digits");
  if (password->empty()) return mistake("there is no password before the @, although one is announced");
  url.user = *user;
  url.password = *password;
  return {};
}

/// "host:port". Empty if it is fine.
RedisUrlMistake read_address(std::string_view text, RedisUrl& url) {
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return mistake("the bracket of an IPv6 address is not closed");
    url.host = text.substr(1, end - 1);
    if (!is_ipv6(url.host)) return mistake("what stands in brackets is no IPv6 address");
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return mistake("behind the brackets comes neither a port nor the end");
    has_port = !rest.empty();
    port = has_port ? rest.substr(1) : rest;
  } else {
    const auto colon = text.find(':');
    has_port = colon != std::string_view::npos;
    url.host = text.substr(0, colon);
    port = has_port ? text.substr(colon + 1) : std::string_view{};
    if (port.find(':') != std::string_view::npos) return mistake("an IPv6 address needs brackets: [::1]");
    if (url.host.empty()) return mistake("the host is missing");
    if (!is_name(url.host)) return mistake("the host is neither a name nor an address");
  }
  if (!has_port) return {};
  const auto value = number(port);
  if (!value || *value == 0) return mistake("the port is no number from 1 to 65535");
  url.port = static_cast<std::uint16_t>(*value);
  return {};
}

}  // namespace

std::string RedisUrl::text() const {
  const bool brackets = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}/{}", brackets ? "[" : "", host, brackets ? "]" : "", port, database);
}

std::variant<RedisUrl, RedisUrlMistake> parse_redis_url(std::string_view text) {
  constexpr std::string_view kScheme = "redis://";
  if (text.starts_with("rediss://"))
    return RedisUrlMistake(
        "TLS to Redis is not available; use redis:// through a tunnel (stunnel, WireGuard) or a private network");
  if (!text.starts_with(kScheme)) return mistake("this is no URL of Redis");
  text.remove_prefix(kScheme.size());
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!plain) return mistake("there are blanks, control characters or non-ASCII letters in it; percent-encode them");
  if (text.find_first_of("?#") != std::string_view::npos)
    return mistake("options behind ? and # are not known; in a password write %3F and %23");
  RedisUrl url;
  // The last one: an @ in a password that somebody forgot to encode is still no part of the host.
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    if (auto wrong = read_login(text.substr(0, at), url); !wrong.empty()) return wrong;
    text.remove_prefix(at + 1);
  }
  const auto slash = text.find('/');
  if (auto wrong = read_address(text.substr(0, slash), url); !wrong.empty()) return wrong;
  const auto database = slash == std::string_view::npos ? std::string_view{} : text.substr(slash + 1);
  if (database.empty()) return url;
  const auto value = number(database);
  if (!value) return mistake("what stands behind the / is no number of a database");
  url.database = *value;
  return url;
}

}  // namespace pillard::config
