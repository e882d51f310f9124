// Structs out of JSON: refused with a Problem whose words are fit to be shown, or read; what is read is written so that
// it is read again.
#include "fuzz/fuzz.h"
#include "pillard/fields.h"
#include "wire/utf8.h"

namespace pillard::fuzz {

namespace {

enum class Way { kUp, kDown };
PILLARD_ENUM(Way, {Way::kUp, "up"}, {Way::kDown, "down"})

struct Inner {
  std::int32_t small = 0;
  std::string word;
  Way way = Way::kUp;
  PILLARD_FIELDS(Inner, PILLARD_FIELD(small), PILLARD_FIELD(way), PILLARD_FIELD(word, {.max_length = 16}))
};

struct Everything {
  std::int64_t interval = 5000;
  std::uint16_t port = 22;
  std::uint64_t big = 0;
  double ratio = 0;
  std::vector<double> shares;
  bool flag = false;
  std::string text;
  std::string secret;
  json::Raw raw{"null"};
  std::optional<std::int64_t> maybe;
  std::vector<std::string> words;
  std::vector<Inner> inners;
  std::optional<Inner> inner;
  PILLARD_FIELDS(Everything, PILLARD_FIELD(interval, {.min = 1000, .max = 60000, .clamp = true, .pace = true}),
                 PILLARD_FIELD(port, {.min = 1}), PILLARD_FIELD(big), PILLARD_FIELD(ratio),
                 PILLARD_FIELD(shares, {.min = 0, .max = 1, .max_length = 4}), PILLARD_FIELD(flag),
                 PILLARD_FIELD(text, {.max_length = 255}), PILLARD_FIELD(secret, {.secret = true}), PILLARD_FIELD(raw),
                 PILLARD_FIELD(maybe), PILLARD_FIELD(words, {.max_length = 8}), PILLARD_FIELD(inners),
                 PILLARD_FIELD(inner))
};

bool fit_to_be_shown(std::string_view words) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return words.size() < 1024 && wire::is_utf8(words) && std::none_of(words.begin(), words.end(), control);
}

}  // namespace

void run(std::string_view input) {
  if (!json::valid(input)) return;  // the gate stands before
  Everything value;
  try {
    decode(value, input, "params");
  } catch (const Error& error) {
    FUZZ_REQUIRE(error.code() == Code::kBadRequest && fit_to_be_shown(error.what()));
    return;
  }
  FUZZ_REQUIRE(value.interval >= 1000 && value.interval <= 60000 && value.port >= 1);
  FUZZ_REQUIRE(value.text.size() <= 255 && value.words.size() <= 8);
  FUZZ_REQUIRE(
      std::all_of(value.shares.begin(), value.shares.end(), [](double share) { return share >= 0 && share <= 1; }));
  const auto text = encoded(value);
  FUZZ_REQUIRE(json::valid(text));
  Everything again;
  decode(again, text, "params");
  FUZZ_REQUIRE(encoded(again) == text);
}

}  // namespace pillard::fuzz
