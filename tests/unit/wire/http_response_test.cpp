#include "wire/http_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace pillard::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(EncodeResponse, WritesStatusHeadersLengthAndBody) {
  EXPECT_EQ(
      encode_response({.status = 404, .headers = {{"Content-Type", "text/plain"}}, .body = "no"}),
      "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nno");
}

TEST(EncodeResponse, ClosesWhenAsked) {
  EXPECT_EQ(encode_response({.status = 200, .reason = "Fine", .keep_alive = false}),
            "HTTP/1.1 200 Fine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST(EncodeResponse, TellsTheLengthButLeavesTheBodyOutForHead) {
  EXPECT_EQ(encode_response({.body = "body", .head_only = true}),
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\n");
}

TEST(EncodeResponse, GivesNoBodyToAStatusWithoutOne) {
  for (const int status : {204, 304}) {
    const std::string out = encode_response({.status = status, .body = "x"});
    EXPECT_THAT(out, Not(HasSubstr("Content-Length"))) << status;
    EXPECT_TRUE(out.ends_with("\r\n\r\n")) << status;
  }
}

TEST(EncodeResponse, LetsTheConnectionEndAnOpenBody) {
  const std::string out = encode_response({.headers = {{"Content-Type", "text/event-stream"}}, .open_ended = true});
  EXPECT_THAT(out, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(out, HasSubstr("Connection: close\r\n\r\n"));
}

TEST(EncodeResponse, RefusesToBeSplit) {
  for (const char* value : {"a\r\nSet-Cookie: x=1", "a\nb", "a\rb", "\x01"}) {
    EXPECT_THROW(encode_response({.headers = {{"Access-Control-Allow-Origin", value}}}), std::invalid_argument);
    EXPECT_THROW(encode_response({.reason = value}), std::invalid_argument);
  }
  for (const char* name : {"", "A B", "A:", "A\r\nB", "\xC3\xA9"}) {
    EXPECT_THROW(encode_response({.headers = {{name, "x"}}}), std::invalid_argument) << name;
  }
}

TEST(EncodeResponse, RefusesFieldsThatItWritesItself) {
  for (const char* name : {"content-length", "Connection", "Transfer-Encoding"}) {
    EXPECT_THROW(encode_response({.headers = {{name, "x"}}}), std::invalid_argument) << name;
  }
}

TEST(EncodeResponse, RefusesAStatusOutOfRange) {
  for (const int status : {-1, 0, 99, 600}) EXPECT_THROW(encode_response({.status = status}), std::invalid_argument);
}

}  // namespace
}  // namespace pillard::wire
