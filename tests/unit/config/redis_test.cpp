#include "config_redis.h"

#include <gtest/gtest.h>

#include "config.h"

namespace pillard::config {
namespace {

RedisUrl good(std::string_view text) {
  auto parsed = parse_redis_url(text);
  if (const auto* wrong = std::get_if<RedisUrlMistake>(&parsed)) {
    ADD_FAILURE() << text << ": " << *wrong;
    return {};
  }
  return std::get<RedisUrl>(parsed);
}

std::string wrong(std::string_view text) {
  const auto parsed = parse_redis_url(text);
  const auto* mistake = std::get_if<RedisUrlMistake>(&parsed);
  return mistake ? *mistake : "none";
}

TEST(RedisUrl, NeedsOnlyAHost) {
  const auto url = good("redis://cache.example");
  EXPECT_EQ(url.host, "cache.example");
  EXPECT_EQ(url.port, 6379);
  EXPECT_EQ(url.user, "");
  EXPECT_EQ(url.password, "");
  EXPECT_EQ(url.database, 0U);
}
TEST(RedisUrl, TakesPortAndDatabase) {
  const auto url = good("redis://10.0.0.7:6380/15");
  EXPECT_EQ(url.host, "10.0.0.7");
  EXPECT_EQ(url.port, 6380);
  EXPECT_EQ(url.database, 15U);
  EXPECT_EQ(good("redis://h/").database, 0U);
  EXPECT_EQ(good("redis://h/3").port, 6379);
}
TEST(RedisUrl, TakesAPasswordWithAndWithoutAUser) {
  EXPECT_EQ(good("redis://:secret@h").password, "secret");
  EXPECT_EQ(good("redis://:secret@h").user, "");
  EXPECT_EQ(good("redis://app:secret@h").user, "app");
  EXPECT_EQ(good("redis://app:a:b@h").password, "a:b");
}
TEST(RedisUrl, DecodesUserAndPassword) {
  const auto url = good("redis://a%40b:%2F%3a%25%C3%A9@h");
  EXPECT_EQ(url.user, "a@b");
  EXPECT_EQ(url.password, "/:%\xc3\xa9");
}
TEST(RedisUrl, TakesAPasswordWithSeparatorsThatNobodyEncoded) {
  const auto url = good("redis://:a@b/c@h:1/2");
  EXPECT_EQ(url.password, "a@b/c");
  EXPECT_EQ(url.host, "h");
  EXPECT_EQ(url.database, 2U);
}
TEST(RedisUrl, TakesIpv6InBrackets) {
  const auto url = good("redis://:p@[::1]:6380/1");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 6380);
  EXPECT_EQ(url.text(), "[::1]:6380/1");
  EXPECT_EQ(good("redis://[fd00::7]").host, "fd00::7");
}
TEST(RedisUrl, ShowsNeitherUserNorPassword) { EXPECT_EQ(good("redis://app:secret@h/2").text(), "h:6379/2"); }

TEST(RedisUrl, RefusesTlsAndSaysWhatToDo) {
  EXPECT_EQ(wrong("rediss://h").find("TLS to Redis is not available; use redis:// through a tunnel"), 0U);
}
TEST(RedisUrl, RefusesOtherSchemes) {
  for (const auto* text : {"", "h", "h:6379", "/run/redis.sock", "unix:///run/redis.sock", "http://h", "REDIS://h",
                           "redis:/h", "redis+sentinel://h"})
    EXPECT_EQ(wrong(text).find("this is no URL of Redis"), 0U) << text;
}
TEST(RedisUrl, RefusesAUserWithoutAPassword) {
  for (const auto* text : {"redis://app@h", "redis://app:@h", "redis://@h", "redis://:@h"})
    EXPECT_EQ(wrong(text).find("there is no password"), 0U) << text;
}
TEST(RedisUrl, RefusesBrokenPercentEncoding) {
  for (const auto* text : {"redis://:a%@h", "redis://:a%2@h", "redis://:a%zz@h", "redis://a%:b@h"})
    EXPECT_EQ(wrong(text).find("a % in user or password"), 0U) << text;
}
TEST(RedisUrl, RefusesHostsThatAreNone) {
  EXPECT_EQ(wrong("redis://").find("the host is missing"), 0U);
  EXPECT_EQ(wrong("redis://:6379").find("the host is missing"), 0U);
  EXPECT_EQ(wrong("redis://a,b").find("the host is neither"), 0U);
  EXPECT_EQ(wrong("redis://::1").find("an IPv6 address needs brackets"), 0U);
  EXPECT_EQ(wrong("redis://[::1").find("the bracket"), 0U);
  EXPECT_EQ(wrong("redis://[h]").find("what stands in brackets"), 0U);
  EXPECT_EQ(wrong("redis://[::1]6379").find("behind the brackets"), 0U);
}
TEST(RedisUrl, RefusesPortsThatAreNone) {
  for (const auto* text :
       {"redis://h:", "redis://h:0", "redis://h:65536", "redis://h:-1", "redis://h:6379x", "redis://[::1]:"})
    EXPECT_EQ(wrong(text).find("the port is no number"), 0U) << text;
}
TEST(RedisUrl, RefusesDatabasesThatAreNone) {
  for (const auto* text : {"redis://h/x", "redis://h/-1", "redis://h/1/2", "redis://h/65536"})
    EXPECT_EQ(wrong(text).find("what stands behind the /"), 0U) << text;
}
TEST(RedisUrl, RefusesOptions) {
  EXPECT_EQ(wrong("redis://h?db=2").find("options behind ?"), 0U);
  EXPECT_EQ(wrong("redis://h/2#x").find("options behind ?"), 0U);
}
TEST(RedisUrl, RefusesBlanksAndControlCharacters) {
  for (const std::string_view text : {"redis://h x", "redis://:p\n@h", "redis://h\t", "redis://:\xc3\xa9@h"})
    EXPECT_EQ(wrong(text).find("there are blanks"), 0U) << text;
}
TEST(RedisUrl, NeverRepeatsWhatItRefuses) {
  for (const auto* text :
       {"rediss://u:hunter2@h", "redis://u:hunter2@h:x", "redis://u:hunter2%@h", "redis://u:hunter2@[h]",
        "redis://u:hunter2@h/x", "redis://u:hunter2@h?x", "hunter2", "redis://u:hunter2@ h"})
    EXPECT_EQ(wrong(text).find("hunter2"), std::string::npos) << text;
}

}  // namespace
}  // namespace pillard::config
