// The small codecs: UTF-8 in any cut, base64 there and back, tokens and percent encoding.
#include "fuzz/fuzz.h"
#include "wire/base64.h"
#include "wire/http_text.h"
#include "wire/utf8.h"

namespace pillard::fuzz {

namespace {

bool utf8_in_pieces(std::string_view input) {
  wire::Utf8Validator validator;
  bool fed = true;
  in_pieces(input, [&](std::string_view piece) {
    const bool now = validator.feed(piece);
    FUZZ_REQUIRE(fed || !now);  // never valid again
    fed = now;
  });
  return validator.complete();
}

}  // namespace

void run(std::string_view input) {
  FUZZ_REQUIRE(wire::is_utf8(input) == utf8_in_pieces(input));

  std::string text;
  wire::append_base64(text, input);
  const auto bytes = wire::decode_base64(text);
  FUZZ_REQUIRE(bytes && *bytes == input);
  if (const auto decoded = wire::decode_base64(input)) {
    std::string again;
    wire::append_base64(again, *decoded);
    FUZZ_REQUIRE(again == input);
  }

  for (const bool plus : {false, true})
    if (const auto decoded = wire::percent_decode(input, plus)) FUZZ_REQUIRE(wire::is_utf8(*decoded));
  const auto trimmed = wire::trim_ows(input);
  FUZZ_REQUIRE(wire::trim_ows(trimmed) == trimmed);
  FUZZ_REQUIRE(wire::iequals(input, input));
  if (wire::is_token(input)) FUZZ_REQUIRE(wire::is_field_value(input) && wire::list_contains(input, input));
}

}  // namespace pillard::fuzz
