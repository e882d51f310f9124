#include "transport/origin.h"

#include <gtest/gtest.h>

namespace pillard::transport {
namespace {

wire::HttpRequest request(const std::string& host, std::initializer_list<const char*> origins = {}) {
  wire::HttpRequest made;
  if (!host.empty()) made.headers.emplace_back("Host", host);
  for (const auto* origin : origins) made.headers.emplace_back("Origin", origin);
  return made;
}

/// Behind loopback, with two dashboards elsewhere.
const OriginPolicy kLocal{{.listen = {{"127.0.0.1", 3001}, {"::1", 3001}},
                           .origins = {"http://localhost:3000", "https://dash.example"},
                           .own = {}}};
/// For the world.
const OriginPolicy kPublic{{.listen = {{"127.0.0.1", 3001}, {"0.0.0.0", 3001}},
                            .origins = {"https://dash.example"},
                            .own = {"https://pillard.example:8443"}}};

Origin verdict(const std::string& host, const char* origin) { return kLocal.origin(request(host, {origin})); }

TEST(Origin, OfNoBrowserIsNone) { EXPECT_EQ(kLocal.origin(request("localhost:3001")), Origin::kNone); }

TEST(Origin, OfAConfiguredDashboardIsAllowed) {
  EXPECT_EQ(verdict("localhost:3001", "http://localhost:3000"), Origin::kAllowed);
  EXPECT_EQ(verdict("localhost:3001", "https://dash.example"), Origin::kAllowed);
  EXPECT_EQ(verdict("localhost:3001", "https://dash.example:443"), Origin::kAllowed) << "its default port";
}

TEST(Origin, OfAnythingElseIsRefused) {
  for (const auto* origin :
       {"https://evil.example", "http://dash.example", "https://dash.example:444", "https://dash.example.evil",
        "https://x.dash.example", "http://localhost:3002", "https://dash.example/path", "https://u@dash.example",
        "null", "", "file://", "dash.example", "https://dash.example https://dash.example", "*"})
    EXPECT_EQ(verdict("localhost:3001", origin), Origin::kRefused) << origin;
}

TEST(Origin, IsNotNeededToSeeThatNoScriptAsks) {
  const auto blind = [](std::initializer_list<std::pair<std::string, std::string>> fields) {
    wire::HttpRequest made;
    for (const auto& field : fields) made.headers.push_back(field);
    return OriginPolicy::blind_fetch(made);
  };
  for (const auto* site : {"cross-site", "same-site"}) EXPECT_TRUE(blind({{"Sec-Fetch-Site", site}})) << site;
  for (const auto* mode : {"navigate", "no-cors"})
    EXPECT_TRUE(blind({{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Mode", mode}})) << mode;
  EXPECT_FALSE(blind({{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Mode", "cors"}}));
  EXPECT_FALSE(blind({})) << "no browser";
}

TEST(Origin, GivenTwiceIsRefused) {
  EXPECT_EQ(kLocal.origin(request("localhost:3001", {"https://dash.example", "https://dash.example"})),
            Origin::kRefused);
}

TEST(Origin, OfTheAddressThatIsAskedIsTheSame) {
  EXPECT_EQ(verdict("localhost:3001", "http://localhost:3001"), Origin::kSame);
  EXPECT_EQ(verdict("127.0.0.1:3001", "http://127.0.0.1:3001"), Origin::kSame);
  EXPECT_EQ(verdict("[::1]:3001", "http://[::1]:3001"), Origin::kSame);
  EXPECT_EQ(verdict("LocalHost:3001", "http://localhost:3001"), Origin::kSame);
  EXPECT_EQ(verdict("app.localhost:3001", "http://app.localhost:3001"), Origin::kSame);
}

TEST(Origin, KnowsDefaultPorts) {
  EXPECT_EQ(verdict("localhost", "http://localhost"), Origin::kSame);
  EXPECT_EQ(verdict("localhost:80", "http://localhost"), Origin::kSame);
  EXPECT_EQ(verdict("localhost", "https://localhost"), Origin::kSame) << "TLS that ends before us";
  EXPECT_EQ(verdict("localhost:443", "https://localhost"), Origin::kSame);
  EXPECT_EQ(verdict("localhost:443", "http://localhost"), Origin::kRefused);
  EXPECT_EQ(verdict("localhost:3001", "http://localhost"), Origin::kRefused);
}

TEST(Origin, OfANameThatAnAttackerLetsResolveToUsIsRefused) {
  EXPECT_EQ(verdict("evil.example:3001", "http://evil.example:3001"), Origin::kRefused);
  EXPECT_EQ(kPublic.origin(request("evil.example:3001", {"http://evil.example:3001"})), Origin::kRefused);
}

TEST(Origin, OfOurOwnConfiguredPagesIsKnown) {
  EXPECT_EQ(kPublic.origin(request("pillard.example:8443", {"https://pillard.example:8443"})), Origin::kSame);
  EXPECT_EQ(kPublic.origin(request("other.example", {"https://pillard.example:8443"})), Origin::kAllowed);
}

TEST(Host, BehindLoopbackIsAnAddressLocalhostOrConfigured) {
  for (const auto* host : {"localhost", "localhost:3001", "LOCALHOST", "a.localhost:3001", "127.0.0.1:3001",
                           "192.168.1.5:3001", "[::1]:3001", "[::1]", "dash.example", "DASH.example:3001"})
    EXPECT_TRUE(kLocal.host(request(host))) << host;
}

TEST(Host, BehindLoopbackIsNoOtherName) {
  for (const auto* host : {"evil.example", "evil.example:3001", "localhost.evil.example", "notlocalhost", "", ":3001",
                           "[::1", "[evil.example]", "127.0.0.1.evil.example", "xlocalhost:3001"})
    EXPECT_FALSE(kLocal.host(request(host))) << host;
}

TEST(Host, OfAPublicListenerIsFree) {
  EXPECT_TRUE(kPublic.host(request("whatever.example")));
  EXPECT_TRUE(kPublic.host(request("")));
}

std::string cors(Origin origin) {
  wire::HttpResponse response;
  OriginPolicy::add_cors(response, request("localhost", {"https://dash.example"}), origin);
  std::string all;
  for (const auto& [name, value] : response.headers) all += name + '=' + value + ';';
  return all;
}

TEST(Cors, NamesTheOriginThatMayRead) {
  constexpr auto kOpen =
      "Vary=Origin;Access-Control-Allow-Origin=https://dash.example;Access-Control-Allow-Credentials=true;";
  EXPECT_EQ(cors(Origin::kAllowed), kOpen);
  EXPECT_EQ(cors(Origin::kSame), kOpen);
}

TEST(Cors, GivesOthersNothing) {
  EXPECT_EQ(cors(Origin::kRefused), "Vary=Origin;");
  EXPECT_EQ(cors(Origin::kNone), "Vary=Origin;");
}

}  // namespace
}  // namespace pillard::transport
