#include "wire/forwarded.h"

#include <gtest/gtest.h>

namespace pillard::wire {
namespace {

using By = TrustedProxies::By;
using Fields = TrustedProxies::Fields;

Address address(const char* text) { return Address::parse(text).value_or(Address()); }
const Address kProxy = address("10.0.0.1");
const std::vector<std::string> kTrusted{"10.0.0.0/8", "fd00::/8"};

/// "client", and "client https" if it is secure; `peer` asks without TLS.
std::string client(By by, const Fields& fields, const Address& peer = kProxy) {
  const auto found = TrustedProxies(kTrusted, by).client(peer, false, fields);
  return found.address.text() + (found.secure ? " https" : "");
}
std::string x(const char* addresses) { return client(By::kXForwarded, {{"X-Forwarded-For", addresses}}); }
std::string f(const char* value) { return client(By::kForwarded, {{"Forwarded", value}}); }

TEST(XForwarded, NamesTheRightMostThatIsNotTrusted) {
  EXPECT_EQ(x("203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(x("198.51.100.1, 203.0.113.7"), "203.0.113.7") << "what is left of it anybody can write";
  EXPECT_EQ(x("198.51.100.1,203.0.113.7 , 10.0.0.9"), "203.0.113.7");
  EXPECT_EQ(x("10.0.0.8, 10.0.0.9"), "10.0.0.8") << "all are ours: the first one asks";
  EXPECT_EQ(x("2001:db8::1"), "2001:db8::1");
}

TEST(XForwarded, TakesPortsAsSomeProxiesWriteThem) {
  EXPECT_EQ(x("203.0.113.7:4711"), "203.0.113.7");
  EXPECT_EQ(x("[2001:db8::1]:4711"), "2001:db8::1");
  EXPECT_EQ(x("[2001:db8::1]"), "2001:db8::1");
}

TEST(XForwarded, FallsBackToThePeerWhenItCannotBeRead) {
  for (const auto* value : {"", " ", ",", "unknown", "203.0.113.7, unknown", "localhost", "203.0.113",
                            "203.0.113.7:", "203.0.113.7:x", "[203.0.113.7]", "[2001:db8::1", "[2001:db8::1]4711",
                            "\"203.0.113.7\"", "fe80::1%eth0", "203.0.113.7;203.0.113.8"})
    EXPECT_EQ(x(value), "10.0.0.1") << value;
}

TEST(XForwarded, IsNotSpoiledByWhatAStrangerPutInFront) { EXPECT_EQ(x("garbage, , 203.0.113.7"), "203.0.113.7"); }

TEST(XForwarded, ReadsSeveralFieldsAsOneList) {
  EXPECT_EQ(client(By::kXForwarded, {{"x-forwarded-for", "198.51.100.1"}, {"X-FORWARDED-FOR", "203.0.113.7,10.0.0.2"}}),
            "203.0.113.7");
  EXPECT_EQ(client(By::kXForwarded, {{"X-Forwarded-For", "198.51.100.1"}, {"X-Forwarded-For", "10.0.0.2"}}),
            "198.51.100.1");
}

TEST(XForwarded, TellsTheScheme) {
  const auto with = [](const char* proto) {
    return client(By::kXForwarded, {{"X-Forwarded-For", "203.0.113.7"}, {"X-Forwarded-Proto", proto}});
  };
  EXPECT_EQ(with("https"), "203.0.113.7 https");
  EXPECT_EQ(with("HTTPS"), "203.0.113.7 https");
  EXPECT_EQ(with("wss"), "203.0.113.7 https");
  EXPECT_EQ(with("http"), "203.0.113.7");
  EXPECT_EQ(with("https, http"), "203.0.113.7") << "the nearest proxy's own";
  EXPECT_EQ(with("http,https"), "203.0.113.7 https");
  EXPECT_EQ(with("gopher"), "203.0.113.7");
  EXPECT_EQ(client(By::kXForwarded, {{"X-Forwarded-Proto", "https"}}), "10.0.0.1 https") << "whoever it is";
}

TEST(XForwarded, CannotMakeATlsConnectionPlainByWordsThatMeanNothing) {
  const TrustedProxies proxies(kTrusted, By::kXForwarded);
  EXPECT_TRUE(proxies.client(kProxy, true, {{"X-Forwarded-Proto", "what"}}).secure);
  EXPECT_FALSE(proxies.client(kProxy, true, {{"X-Forwarded-Proto", "http"}}).secure);
}

TEST(Forwarded, NamesTheRightMostThatIsNotTrusted) {
  EXPECT_EQ(f("for=203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(f("For=203.0.113.7;Proto=https;by=10.0.0.1"), "203.0.113.7 https");
  EXPECT_EQ(f("for=198.51.100.1;proto=https, for=203.0.113.7;proto=http, for=10.0.0.2;proto=https"), "203.0.113.7")
      << "with its own scheme";
  EXPECT_EQ(f(R"(for="[2001:db8::1]:4711";host="a,b;c")"), "2001:db8::1");
  EXPECT_EQ(f(R"(for="203.0.113.7:4711")"), "203.0.113.7");
  EXPECT_EQ(f(R"(for="203.0.113.7:_hidden")"), "203.0.113.7");
  EXPECT_EQ(f(R"(for="\203.0.113.7")"), "203.0.113.7") << "a quoted pair";
  EXPECT_EQ(f("for=198.51.100.1 , ,\tfor=203.0.113.7 ; proto=https,"), "203.0.113.7 https");
}

TEST(Forwarded, FallsBackToThePeerWhenTheClientIsNotSaid) {
  for (const auto* value : {"", "for=unknown", "for=_gazonk", R"(for="_gazonk")", R"(for="unknown:80")", "by=10.0.0.1",
                            "for=203.0.113.7, for=unknown"})
    EXPECT_EQ(f(value), "10.0.0.1") << value;
  EXPECT_EQ(f("for=unknown;proto=https"), "10.0.0.1 https");
}

TEST(Forwarded, FallsBackToThePeerWhenItBreaksTheGrammar) {
  for (const auto* value :
       {"for", "for=", "=203.0.113.7", "for=203.0.113.7;", "for=203.0.113.7;for=203.0.113.8", "for=203.0.113.7:80",
        "for=[2001:db8::1]", R"(for="203.0.113.7)", R"(for="203.0.113.7\)", "for=203.0.113.7 proto=https",
        "203.0.113.7", "for=2001:db8::1", "for =203.0.113.7", R"(for="[203.0.113.7]")", "for=nobody"})
    EXPECT_EQ(f(value), "10.0.0.1") << value;
}

TEST(Forwarded, TrustsALineOnItsOwn) {
  EXPECT_EQ(client(By::kForwarded, {{"Forwarded", "for=\"broken"}, {"Forwarded", "for=203.0.113.7"}}), "203.0.113.7");
}

TEST(Forwarded, IsNotSpoiledByWhatAStrangerPutInFront) {
  for (const auto* value : {R"(for=", for=203.0.113.7)", "garbage, for=203.0.113.7",
                            "for=198.51.100.1;;, for=203.0.113.7", R"(for="a, b", for=203.0.113.7;host="x,y")"})
    EXPECT_EQ(f(value), "203.0.113.7") << value;
  std::string many = "for=203.0.113.7";
  for (int i = 0; i < 20; ++i) many += ";k" + std::to_string(i) + "=v";
  EXPECT_EQ(f(many.c_str()), "10.0.0.1") << "more than any proxy says";
}

TEST(TrustedProxies, BelieveNobodyElse) {
  const Fields both{
      {"X-Forwarded-For", "203.0.113.7"}, {"X-Forwarded-Proto", "https"}, {"Forwarded", "for=203.0.113.7"}};
  for (const auto by : {By::kXForwarded, By::kForwarded}) {
    EXPECT_EQ(client(by, both, address("192.0.2.1")), "192.0.2.1");
    EXPECT_EQ(client(by, both, Address()), "unix") << "a unix socket is not among them";
  }
  const TrustedProxies nobody;
  EXPECT_EQ(nobody.client(kProxy, false, both), (Client{kProxy, false}));
}

TEST(TrustedProxies, ReadTheOneHeaderThatWasChosen) {
  const Fields both{{"X-Forwarded-For", "203.0.113.7"}, {"Forwarded", "for=203.0.113.8"}};
  EXPECT_EQ(client(By::kXForwarded, both), "203.0.113.7");
  EXPECT_EQ(client(By::kForwarded, both), "203.0.113.8");
}

TEST(TrustedProxies, TakeUnixForWhoeverOpensTheSocket) {
  const TrustedProxies proxies({"unix"}, By::kXForwarded);
  EXPECT_EQ(proxies.client(Address(), false, {{"X-Forwarded-For", "203.0.113.7"}}).address, address("203.0.113.7"));
  EXPECT_FALSE(proxies.trusts(kProxy));
}

TEST(TrustedProxies, RefuseWhatIsNoNetwork) {
  EXPECT_THROW(TrustedProxies({"proxy.example"}, By::kXForwarded), std::invalid_argument);
}

}  // namespace
}  // namespace pillard::wire
