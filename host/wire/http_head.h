#pragma once
// The head of an HTTP/1.x request: found in a buffer, checked against the strict grammar of RFC 9112, then read.
// What several parsers could understand in several ways (request smuggling) is refused, never repaired.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "wire/address.h"

namespace pillard::wire {

struct HttpLimits {
  std::size_t head = 16 * 1024;         // bytes, with the empty line: 431 above it
  std::size_t target = 4096;            // bytes: 414 above it
  std::size_t fields = 64;              // at most 100: 431 above it
  std::size_t name = 128;               // bytes, at most 255: 431 above it
  std::size_t value = 8000;             // bytes, at most 8191: 431 above it
  std::size_t parameters = 64;          // of the query: 414 above it
  std::uint64_t content = 1024 * 1024;  // announced bytes of a body: 413 above it
};

/// Why a request is refused: 400, 413, 414, 426, 431, 501 or 505, and words for its sender.
/// The words never repeat what was sent.
struct HttpError {
  int status = 400;
  std::string reason = {};
};

struct HttpRequest {
  std::string method;  // a token as it was sent; methods are case-sensitive
  std::string target;  // as it was sent: starts with '/', or is "*" with OPTIONS
  /// The target up to '?', percent-decoded: UTF-8 without control characters, without "." and ".." segments; an encoded
  /// slash or backslash was refused.
  std::string path;
  /// The parameters in their order, percent-decoded: UTF-8 without control characters. Repeated keys stay.
  std::vector<std::pair<std::string, std::string>> query;
  int version_minor = 1;  // of HTTP/1.x: 0 or 1
  /// In their order, as they were sent but trimmed. Values have no control characters but tabs.
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;  // never together with content_length
  bool keep_alive = true;
  bool wants_websocket_upgrade = false;  // names websocket in Upgrade; check_websocket_upgrade() says if rightly

  // No head has these: read_head() leaves them alone, and the transport fills them in before anybody acts on them.
  Address client = {};        // who asks: the peer, or whom a trusted proxy speaks for
  bool secure = false;        // the client speaks TLS, to the daemon or to a trusted proxy
  bool local_socket = false;  // came by a unix socket, where no browser can come

  /// The first field of that name, in any case; empty optional if there is none.
  std::optional<std::string_view> header(std::string_view name) const;
  /// The first parameter of that name.
  std::optional<std::string_view> parameter(std::string_view name) const;
  /// The first cookie of that name (case-sensitive), without quotes around it, not decoded further.
  std::optional<std::string_view> cookie(std::string_view name) const;
};

struct HeadSearch {
  enum class State { kIncomplete, kComplete, kBad };
  State state = State::kIncomplete;
  std::size_t size = 0;  // kComplete: bytes of the head with its empty line
  HttpError error;       // kBad
};

/// [any] Looks for the end of a head at the start of `buffer`. `scanned` is the size that the buffer had at the last
/// (incomplete) search, so that a slow sender does not make it quadratic. A line feed without its carriage return is
/// bad at once, and so is a head that exceeds limits.head.
HeadSearch find_head(std::string_view buffer, const HttpLimits& limits = {}, std::size_t scanned = 0);

/// [any] Reads one complete head, as found by find_head().
std::variant<HttpRequest, HttpError> read_head(std::string_view head, const HttpLimits& limits = {});

}  // namespace pillard::wire
