#include "wire/address.h"

#include <gtest/gtest.h>

namespace pillard::wire {
namespace {

Address address(const char* text) { return Address::parse(text).value_or(Address()); }

TEST(Address, ReadsAndWritesBothFamilies) {
  for (const auto* text : {"192.0.2.7", "0.0.0.0", "2001:db8::1", "::1"}) EXPECT_EQ(address(text).text(), text);
  EXPECT_EQ(address("2001:DB8:0:0::1").text(), "2001:db8::1");
}

TEST(Address, RefusesWhatIsNone) {
  for (const std::string_view text : {"", "192.0.2", "192.0.2.7:80", "[::1]", "fe80::1%eth0", "localhost", " 192.0.2.7",
                                      "1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234"})
    EXPECT_FALSE(Address::parse(text)) << text;
  EXPECT_FALSE(Address::parse(std::string_view("192.0.2.7\0", 10)));
}

TEST(Address, TakesAMappedOneForTheIpv4One) {
  EXPECT_EQ(address("::ffff:192.0.2.7"), address("192.0.2.7"));
  EXPECT_EQ(Address(Poco::Net::IPAddress("::ffff:192.0.2.7")).text(), "192.0.2.7");
}

TEST(Address, IsOfAUnixSocketByDefault) {
  EXPECT_TRUE(Address().unix_socket());
  EXPECT_EQ(Address().text(), "unix");
  EXPECT_FALSE(address("0.0.0.0").unix_socket());
  EXPECT_FALSE(Address() == address("0.0.0.0"));
}

TEST(Address, CountsAnIpv6NetworkAsOneClient) {
  EXPECT_EQ(address("2001:db8:0:1::1").group(), address("2001:db8:0:1:ffff::2").group());
  EXPECT_NE(address("2001:db8:0:1::1").group(), address("2001:db8:0:2::1").group());
  EXPECT_NE(address("192.0.2.7").group(), address("192.0.2.8").group());
  EXPECT_NE(address("::").group(), Address().group());
}

TEST(Network, ContainsWhatSharesItsPrefix) {
  const auto in = [](const char* network, const char* text) {
    return Network::parse(network)->contains(address(text));
  };
  EXPECT_TRUE(in("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(in("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(in("192.0.2.6/31", "192.0.2.7"));
  EXPECT_FALSE(in("192.0.2.6/31", "192.0.2.8"));
  EXPECT_TRUE(in("192.0.2.7", "192.0.2.7"));
  EXPECT_TRUE(in("0.0.0.0/0", "203.0.113.1"));
  EXPECT_FALSE(in("0.0.0.0/0", "::1")) << "another family";
  EXPECT_TRUE(in("::/0", "::1"));
  EXPECT_TRUE(in("fd00::/8", "fdff::1"));
  EXPECT_FALSE(in("fd00::/8", "fe00::1"));
  EXPECT_TRUE(in("::ffff:10.0.0.0/104", "10.9.9.9")) << "mapped, and its prefix counted from IPv6's bits";
  EXPECT_FALSE(Network::parse("::/0")->contains(Address())) << "a unix socket is in no network";
}

TEST(Network, RefusesWhatIsNone) {
  for (const auto* text : {"", "ten", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "::/129",
                           "fd00::1/8", "unix", "::ffff:10.0.0.0/90"})
    EXPECT_FALSE(Network::parse(text)) << text;
}

}  // namespace
}  // namespace pillard::wire
