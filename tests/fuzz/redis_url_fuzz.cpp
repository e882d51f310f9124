// redis.url: read, or refused in words without a piece of it; what logs are told of it has no password in it.
#include "config_redis.h"
#include "fuzz/fuzz.h"
#include "wire/utf8.h"

namespace pillard::fuzz {

namespace {
constexpr std::string_view kForm = "redis://[[user]:password@]host[:port][/database]";
}  // namespace

void run(std::string_view input) {
  const auto parsed = config::parse_redis_url(input);
  if (const auto* mistake = std::get_if<config::RedisUrlMistake>(&parsed)) {
    FUZZ_REQUIRE(!mistake->empty() && wire::is_utf8(*mistake));
    // It always says how one is written: that may be the input, too.
    const bool told = input.starts_with("redis://") && input.find('@') != input.npos && kForm.find(input) == kForm.npos;
    FUZZ_REQUIRE(!told || mistake->find(input) == std::string::npos);
    return;
  }
  const auto& url = std::get<config::RedisUrl>(parsed);
  FUZZ_REQUIRE(!url.host.empty() && url.host.find_first_of("[]@/ \n\r") == std::string::npos);
  FUZZ_REQUIRE(url.port != 0 && url.database <= 65535);
  const auto text = url.text();
  FUZZ_REQUIRE(text.find('@') == std::string::npos);
  const auto again = config::parse_redis_url("redis://" + text);
  const auto* same = std::get_if<config::RedisUrl>(&again);
  FUZZ_REQUIRE(same && same->host == url.host && same->port == url.port && same->database == url.database);
}

}  // namespace pillard::fuzz
