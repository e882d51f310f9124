// Request heads: found in any cut as in one piece; what is accepted reads the same when it is written again.
#include <optional>

#include "fuzz/fuzz.h"
#include "wire/http_head.h"
#include "wire/http_text.h"
#include "wire/utf8.h"
#include "wire/ws_upgrade.h"

namespace pillard::fuzz {

namespace {

using wire::HeadSearch;
using wire::HttpRequest;

constexpr wire::HttpLimits kLimits{.head = 2048, .target = 256, .fields = 16, .value = 512, .parameters = 8};

HeadSearch find_in_pieces(std::string_view input) {
  HeadSearch search;
  std::string buffer;
  std::size_t scanned = 0;
  in_pieces(input, [&](std::string_view piece) {
    if (search.state != HeadSearch::State::kIncomplete) return;
    buffer.append(piece);
    search = wire::find_head(buffer, kLimits, scanned);
    scanned = buffer.size();
  });
  return search;
}

std::string written_again(const HttpRequest& request) {
  std::string head = request.method + " " + request.target + " HTTP/1." + std::to_string(request.version_minor);
  for (const auto& [name, value] : request.headers) head.append("\r\n").append(name).append(": ").append(value);
  return head + "\r\n\r\n";
}

void check_request(const HttpRequest& request) {
  FUZZ_REQUIRE(wire::is_token(request.method));
  FUZZ_REQUIRE(request.target.size() <= kLimits.target);
  FUZZ_REQUIRE(request.path.starts_with('/') || request.target == "*");
  FUZZ_REQUIRE(wire::is_utf8(request.path));
  FUZZ_REQUIRE(request.path.find("/../") == std::string::npos && !request.path.ends_with("/.."));
  FUZZ_REQUIRE(request.query.size() <= kLimits.parameters);
  for (const auto& [key, value] : request.query) FUZZ_REQUIRE(wire::is_utf8(key) && wire::is_utf8(value));
  FUZZ_REQUIRE(request.headers.size() <= kLimits.fields);
  for (const auto& [name, value] : request.headers) {
    FUZZ_REQUIRE(wire::is_token(name) && wire::is_field_value(value));
    FUZZ_REQUIRE(wire::trim_ows(value) == value);
    FUZZ_REQUIRE(request.header(name).has_value());
  }
  FUZZ_REQUIRE(!(request.chunked && request.content_length));
  FUZZ_REQUIRE(!request.content_length || *request.content_length <= kLimits.content);
  if (const auto cookie = request.cookie("ssh_session")) FUZZ_REQUIRE(cookie->find(';') == std::string_view::npos);
  const auto upgrade = wire::check_websocket_upgrade(request);
  if (std::holds_alternative<std::string>(upgrade)) FUZZ_REQUIRE(request.wants_websocket_upgrade);
}

void check_same(const HttpRequest& a, const HttpRequest& b) {
  FUZZ_REQUIRE(a.method == b.method && a.target == b.target && a.path == b.path && a.query == b.query);
  FUZZ_REQUIRE(a.version_minor == b.version_minor && a.headers == b.headers);
  FUZZ_REQUIRE(a.content_length == b.content_length && a.chunked == b.chunked && a.keep_alive == b.keep_alive);
  FUZZ_REQUIRE(a.wants_websocket_upgrade == b.wants_websocket_upgrade);
}

}  // namespace

void run(std::string_view input) {
  const auto search = wire::find_head(input, kLimits);
  const auto cut = find_in_pieces(input);
  FUZZ_REQUIRE(search.state == cut.state && search.size == cut.size && search.error.status == cut.error.status);
  if (search.state != HeadSearch::State::kComplete) return;
  FUZZ_REQUIRE(search.size <= input.size() && search.size <= kLimits.head);
  const auto read = wire::read_head(input.substr(0, search.size), kLimits);
  if (const auto* error = std::get_if<wire::HttpError>(&read)) {
    FUZZ_REQUIRE(error->status >= 400 && error->status <= 505 && wire::is_field_value(error->reason));
    return;
  }
  const auto& request = std::get<HttpRequest>(read);
  check_request(request);
  // With the one space that is written, a head may be longer than it was.
  constexpr wire::HttpLimits kMore{.head = 4096, .target = 256, .fields = 16, .value = 512, .parameters = 8};
  const auto again = wire::read_head(written_again(request), kMore);
  FUZZ_REQUIRE(std::holds_alternative<HttpRequest>(again));
  check_same(request, std::get<HttpRequest>(again));
}

}  // namespace pillard::fuzz
