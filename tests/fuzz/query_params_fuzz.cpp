// Params out of the query of a URL: always a JSON object that decoding either takes, or refuses as a bad request.
// Events that are written from what came that way are read as the standard says.
#include "fuzz/fuzz.h"
#include "pillard/schema.h"
#include "wire/event_stream.h"
#include "wire/http_text.h"
#include "wire/query_params.h"
#include "wire/utf8.h"

namespace pillard::fuzz {

namespace {

struct Params {
  std::int64_t count = 0;
  double ratio = 0;
  bool flag = false;
  std::string text;
  std::optional<std::string> maybe;
  std::vector<std::int64_t> numbers;
  json::Raw raw{"null"};
  std::string cursor;
  PILLARD_FIELDS(Params, PILLARD_FIELD(count), PILLARD_FIELD(ratio), PILLARD_FIELD(flag), PILLARD_FIELD(text),
                 PILLARD_FIELD(maybe), PILLARD_FIELD(numbers), PILLARD_FIELD(raw),
                 PILLARD_FIELD(cursor, {.resume = true}))
};

/// The data of the only event of a stream, as a browser puts it together.
std::string data_of(std::string_view stream) {
  std::string data;
  while (!stream.empty()) {
    const auto line = take_until(stream, '\n');
    FUZZ_REQUIRE(line.find('\r') == std::string_view::npos);
    constexpr std::string_view kData = "data: ";
    if (!line.starts_with(kData)) continue;
    if (!data.empty()) data += '\n';
    data += line.substr(kData.size());
  }
  return data;
}

}  // namespace

void run(std::string_view input) {
  const auto resume = std::string(take_until(input, '\n'));
  std::vector<std::pair<std::string, std::string>> query;
  while (!input.empty() && query.size() < 64) {
    auto pair = take_until(input, '&');
    const auto name = wire::percent_decode(take_until(pair, '='), true);
    const auto value = wire::percent_decode(pair, true);
    if (!name || !value) return;  // the head is refused
    query.emplace_back(*name, *value);
  }
  if (!wire::is_utf8(resume)) return;
  std::string params;
  try {
    params = wire::params_of_query(query, schema_of<Params>().fields, resume);
  } catch (const Error& error) {
    FUZZ_REQUIRE(error.code() == Code::kBadRequest);
    return;
  }
  FUZZ_REQUIRE(json::valid(params));
  Params decoded;
  try {
    decode(decoded, params, "params");
  } catch (const Error& error) {
    FUZZ_REQUIRE(error.code() == Code::kBadRequest);
  }
  FUZZ_REQUIRE(resume.empty() || resume.size() > 4096 || decoded.cursor.empty() || decoded.cursor == resume);

  std::string stream;
  wire::event_stream::append(stream, "event", params, resume);
  FUZZ_REQUIRE(stream.ends_with("\n\n"));
  FUZZ_REQUIRE(data_of(stream) == params || params.find('\r') != std::string::npos);
}

}  // namespace pillard::fuzz
