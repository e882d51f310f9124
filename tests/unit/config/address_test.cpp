#include <gmock/gmock.h>

#include "config.h"

namespace pillard::config {
namespace {

TEST(ParseEndpoint, ReadsBothFamilies) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:3001"), (Endpoint{"127.0.0.1", 3001}));
  EXPECT_EQ(parse_endpoint("[0:0::1]:3001"), (Endpoint{"::1", 3001}));
  EXPECT_EQ(parse_endpoint("0.0.0.0:0"), (Endpoint{"0.0.0.0", 0}));
}

TEST(ParseEndpoint, RefusesWhatIsNone) {
  for (const std::string_view text : {"", ":", ":3001", "*:3001", "3001", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                                      "127.0.0.1:+1", "127.0.0.1:1 ", "127.1:80", "::1:3001", "[::1]", "[::1]3001",
                                      "[127.0.0.1]:80", "[fe80::1%eth0]:80", "127.0.0.1:99999999999"})
    EXPECT_FALSE(parse_endpoint(text)) << text;
  EXPECT_FALSE(parse_endpoint(std::string_view("127.0.0.1\0:80", 13)));
}

TEST(ParseEndpoint, ComesBackFromItsText) {
  for (const auto* text : {"127.0.0.1:3001", "[::1]:3001"}) EXPECT_EQ(parse_endpoint(text)->text(), text);
}

TEST(ParseEndpoint, ReadsUnixSockets) {
  const auto endpoint = parse_endpoint("unix:/run/pillard/pillard.sock");
  ASSERT_TRUE(endpoint);
  EXPECT_TRUE(endpoint->unix_socket());
  EXPECT_EQ(endpoint->path, "/run/pillard/pillard.sock");
  EXPECT_EQ(endpoint->text(), "unix:/run/pillard/pillard.sock");
  EXPECT_TRUE(endpoint->loopback());
  EXPECT_FALSE(endpoint->wildcard());
  EXPECT_TRUE(parse_endpoint("unix:/" + std::string(106, 'x')));
  for (const auto& text : {std::string("unix:"), std::string("unix:/"), std::string("unix:pillard.sock"),
                           std::string("unix:/run/"), std::string("unix:/a b"), "unix:/" + std::string(107, 'x')})
    EXPECT_FALSE(parse_endpoint(text)) << text;
}

TEST(Endpoint, KnowsLoopbackAndWildcard) {
  EXPECT_TRUE(parse_endpoint("127.3.2.1:1")->loopback());
  EXPECT_TRUE(parse_endpoint("[::1]:1")->loopback());
  EXPECT_FALSE(parse_endpoint("128.0.0.1:1")->loopback());
  EXPECT_TRUE(parse_endpoint("[::]:1")->wildcard());
  EXPECT_TRUE(parse_endpoint("0.0.0.0:1")->wildcard());
  EXPECT_FALSE(parse_endpoint("10.0.0.1:1")->wildcard());
}

TEST(ParseOrigin, WritesItAsBrowsersDo) {
  EXPECT_EQ(parse_origin("HTTPS://Dash.Example"), "https://dash.example");
  EXPECT_EQ(parse_origin("http://a.example:80"), "http://a.example");
  EXPECT_EQ(parse_origin("https://a.example:443/"), "https://a.example");
  EXPECT_EQ(parse_origin("https://a.example:80"), "https://a.example:80");
  EXPECT_EQ(parse_origin("http://[0:0::1]:3000"), "http://[::1]:3000");
  EXPECT_EQ(parse_origin("http://localhost:3000"), "http://localhost:3000");
}

TEST(ParseOrigin, RefusesWhatIsNone) {
  for (const std::string_view text : {"",
                                      "null",
                                      "*",
                                      "localhost",
                                      "localhost:3000",
                                      "ftp://a.example",
                                      "http://",
                                      "http:///",
                                      "http://a.example/x",
                                      "http://a.example//",
                                      "http://a.example?x",
                                      "http://a.example#x",
                                      "http://u@a.example",
                                      "http://a.example:",
                                      "http://a.example:0",
                                      "http://a.example:x",
                                      "http://a.example:70000",
                                      "http://a b",
                                      "http://-a",
                                      "http://a..b",
                                      "http://[::1",
                                      "http://[::1]x",
                                      "http://[1.2.3.4]",
                                      "http://::1",
                                      "http://\xc3\xa4.example"})
    EXPECT_FALSE(parse_origin(text)) << text;
}

TEST(ValidNetwork, TakesAddressesAndNetworks) {
  for (const std::string_view text :
       {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.7", "192.0.2.7/32", "fd00::/8", "::1", "::/0"})
    EXPECT_TRUE(valid_network(text)) << text;
}

TEST(ValidNetwork, RefusesWhatIsNone) {
  for (const std::string_view text : {"", "/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/33", "10.0.0.1/8", "fd00::1/8",
                                      "::/129", "localhost", "10.0.0.0/8/8", "10.0.0.0 /8"})
    EXPECT_FALSE(valid_network(text)) << text;
}

}  // namespace
}  // namespace pillard::config
