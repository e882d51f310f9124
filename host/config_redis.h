#pragma once
// redis.url: where the sessions live that several daemons share.
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace pillard::config {

/// One Redis server, as a URL names it: redis://[[user]:password@]host[:port][/database], user and password
/// percent-encoded, an IPv6 address in brackets.
struct RedisUrl {
  std::string host;  // a name to resolve or an address, without brackets
  std::uint16_t port = 6379;
  std::string user{};        // of Redis' access control list; empty: the default one
  std::string password{};    // empty: none is sent. Never print it
  unsigned database = 0;     // at most 65535; whether Redis has so many is found out there
  std::string text() const;  ///< "[::1]:6379/2": for logs, without user and password
};

/// [any] What is wrong with a URL, for the operator: never with a piece of the URL in it.
using RedisUrlMistake = std::string;

/// [any]
std::variant<RedisUrl, RedisUrlMistake> parse_redis_url(std::string_view text);

}  // namespace pillard::config
