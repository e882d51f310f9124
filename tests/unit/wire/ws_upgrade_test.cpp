#include "wire/ws_upgrade.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pillard::wire {
namespace {

HttpRequest good() {
  HttpRequest request;
  request.method = "GET";
  request.headers = {{"Upgrade", "websocket"},
                     {"Connection", "keep-alive, Upgrade"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  return request;
}

HttpRequest with(std::string_view name, const std::string& value) {
  HttpRequest request = good();
  for (auto& [key, old] : request.headers) {
    if (key == name) old = value;
  }
  return request;
}

HttpRequest without(std::string_view name) {
  HttpRequest request = good();
  std::erase_if(request.headers, [&](const auto& field) { return field.first == name; });
  return request;
}

int status(const HttpRequest& request) {
  const auto result = check_websocket_upgrade(request);
  const auto* error = std::get_if<HttpError>(&result);
  return error == nullptr ? 101 : error->status;
}

TEST(WebSocketUpgrade, AcceptsTheHandshakeOfTheRfc) {
  const auto result = check_websocket_upgrade(good());
  ASSERT_TRUE(std::holds_alternative<std::string>(result));
  EXPECT_EQ(std::get<std::string>(result), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketUpgrade, TakesTokensInAnyCase) {
  EXPECT_EQ(status(with("Upgrade", "WebSocket")), 101);
  EXPECT_EQ(status(with("Connection", "UPGRADE")), 101);
}

TEST(WebSocketUpgrade, NeedsEveryField) {
  for (const char* name : {"Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key"}) {
    EXPECT_EQ(status(without(name)), 400) << name;
  }
}

TEST(WebSocketUpgrade, RefusesOtherTokens) {
  EXPECT_EQ(status(with("Upgrade", "h2c")), 400);
  EXPECT_EQ(status(with("Upgrade", "websockets")), 400);
  EXPECT_EQ(status(with("Connection", "keep-alive")), 400);
}

TEST(WebSocketUpgrade, NamesTheVersionThatItSpeaks) {
  for (const char* version : {"8", "12", "14", "013", "13, 8", ""}) {
    EXPECT_EQ(status(with("Sec-WebSocket-Version", version)), 426) << version;
  }
}

TEST(WebSocketUpgrade, RefusesKeysThatAreNot16Bytes) {
  for (const char* key : {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZQAA",
                          "????????????????????????", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZQ==x"}) {
    EXPECT_EQ(status(with("Sec-WebSocket-Key", key)), 400) << key;
  }
}

TEST(WebSocketUpgrade, RefusesOtherMethodsVersionsAndBodies) {
  HttpRequest request = good();
  request.method = "POST";
  EXPECT_EQ(status(request), 400);
  request = good();
  request.version_minor = 0;
  EXPECT_EQ(status(request), 400);
  request = good();
  request.chunked = true;
  EXPECT_EQ(status(request), 400);
  request = good();
  request.content_length = 1;
  EXPECT_EQ(status(request), 400);
  request.content_length = 0;
  EXPECT_EQ(status(request), 101);
}

TEST(WebSocketUpgrade, AnswersWithTheAcceptKey) {
  EXPECT_EQ(websocket_upgrade_response("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST(WebSocketUpgrade, NamesWhatWasAgreedOf) {
  EXPECT_EQ(websocket_upgrade_response("x", "permessage-deflate"),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
}

}  // namespace
}  // namespace pillard::wire
