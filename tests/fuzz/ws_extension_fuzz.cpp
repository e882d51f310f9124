// Sec-WebSocket-Extensions: what is agreed keeps to what both sides want, and the answer is an offer of the same.
#include "fuzz/fuzz.h"
#include "wire/http_text.h"
#include "wire/ws_extension.h"

namespace pillard::fuzz {

namespace {

std::string written(const std::vector<wire::WsExtension>& extensions) {
  std::string text;
  for (const auto& [name, parameters] : extensions) {
    text += (text.empty() ? "" : ", ") + name;
    for (const auto& [key, value] : parameters) text += "; " + key + (value ? "=\"" + *value + '"' : "");
  }
  return text;
}

void check(const wire::WsExtension& offer, const wire::WsDeflatePolicy& policy) {
  const auto agreed = wire::accept_ws_deflate(offer, policy);
  if (!agreed) return;
  FUZZ_REQUIRE(agreed->server_max_window_bits >= 8 && agreed->server_max_window_bits <= policy.window_bits);
  FUZZ_REQUIRE(agreed->client_max_window_bits >= 8 && agreed->client_max_window_bits <= 15);
  FUZZ_REQUIRE(policy.context_takeover || (agreed->server_no_context_takeover && agreed->client_no_context_takeover));
  const auto answer = wire::ws_deflate_answer(*agreed);
  const auto read = wire::read_ws_extensions(answer);
  FUZZ_REQUIRE(read && read->size() == 1);
  const auto again = wire::accept_ws_deflate(read->front(), {.context_takeover = true});
  FUZZ_REQUIRE(again && wire::ws_deflate_answer(*again) == answer);
}

}  // namespace

void run(std::string_view input) {
  const auto read = wire::read_ws_extensions(input);
  if (!read) return;
  FUZZ_REQUIRE(!read->empty());
  for (const auto& offer : *read) {
    FUZZ_REQUIRE(wire::is_token(offer.name));
    for (const auto& [name, value] : offer.parameters)
      FUZZ_REQUIRE(wire::is_token(name) && wire::is_token(value.value_or("x")));
    for (const bool takeover : {false, true})
      for (const int bits : {9, 12, 15}) check(offer, {.context_takeover = takeover, .window_bits = bits});
  }
  FUZZ_REQUIRE(wire::read_ws_extensions(written(*read)) == read);
}

}  // namespace pillard::fuzz
