#include "ssh/egress.h"

#include <gtest/gtest.h>

namespace pillard::ssh {
namespace {

bool allowed(const Egress& egress, const std::string& address) { return egress.allowed(Poco::Net::IPAddress(address)); }
bool allowed(const Egress::Options& options, const std::string& address) {
  return allowed(Egress::parse(options).value(), address);
}

class DeniedByDefault : public ::testing::TestWithParam<const char*> {};
TEST_P(DeniedByDefault, IsNotConnectedTo) { EXPECT_FALSE(allowed(Egress(), GetParam())); }
INSTANTIATE_TEST_SUITE_P(ThisHost, DeniedByDefault,
                         ::testing::Values("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::", "::1"));
INSTANTIATE_TEST_SUITE_P(LinkLocal, DeniedByDefault,
                         ::testing::Values("169.254.0.1", "169.254.169.254", "fe80::1", "febf::1"));
INSTANTIATE_TEST_SUITE_P(Metadata, DeniedByDefault,
                         ::testing::Values("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16",
                                           "192.0.0.192"));
INSTANTIATE_TEST_SUITE_P(Many, DeniedByDefault,
                         ::testing::Values("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "ff02::1"));
INSTANTIATE_TEST_SUITE_P(InDisguise, DeniedByDefault,
                         ::testing::Values("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::7f00:2",
                                           "::ffff:0:127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
                                           "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1:7f00:0:100::",
                                           "64:ff9b:1::127.0.0.1", "2001:0:102:304::80ff:fffe"));

class AllowedByDefault : public ::testing::TestWithParam<const char*> {};
TEST_P(AllowedByDefault, IsConnectedTo) { EXPECT_TRUE(allowed(Egress(), GetParam())); }
INSTANTIATE_TEST_SUITE_P(Public, AllowedByDefault,
                         ::testing::Values("192.0.2.7", "8.8.8.8", "128.0.0.1", "126.255.255.255", "169.253.255.255",
                                           "223.255.255.255", "2001:db8::1", "fec0::1"));
INSTANTIATE_TEST_SUITE_P(Private, AllowedByDefault,
                         ::testing::Values("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1"));
INSTANTIATE_TEST_SUITE_P(Carried, AllowedByDefault,
                         ::testing::Values("::ffff:192.0.2.7", "64:ff9b::192.0.2.7", "2002:c000:207::1"));

TEST(Egress, AllowOverridesTheDefaults) {
  const Egress::Options options{.allow = {"127.0.0.0/8", "::1"}, .deny = {}};
  EXPECT_TRUE(allowed(options, "127.0.0.1"));
  EXPECT_TRUE(allowed(options, "::ffff:127.0.0.1"));
  EXPECT_TRUE(allowed(options, "::1"));
  EXPECT_FALSE(allowed(options, "169.254.1.1"));
}
TEST(Egress, AllowOfAnAddressDoesNotAllowItsTunnels) {
  const Egress::Options options{.allow = {"127.0.0.1"}, .deny = {}};
  EXPECT_FALSE(allowed(options, "2002:7f00:1::"));
  EXPECT_FALSE(allowed(options, "127.0.0.2"));
}
TEST(Egress, DenyOverridesEverything) {
  const Egress::Options options{.allow = {"10.0.0.0/8"}, .deny = {"10.1.0.0/17", "2001:db8::/32"}};
  EXPECT_FALSE(allowed(options, "10.1.127.255"));
  EXPECT_TRUE(allowed(options, "10.1.128.0"));
  EXPECT_FALSE(allowed(options, "::ffff:10.1.0.1"));
  EXPECT_FALSE(allowed(options, "64:ff9b::10.1.0.1"));
  EXPECT_FALSE(allowed(options, "2001:db8:ffff::1"));
}
TEST(Egress, ANetworkOfPrefixZeroIsItsWholeFamily) {
  const Egress::Options options{.allow = {}, .deny = {"0.0.0.0/0"}};
  EXPECT_FALSE(allowed(options, "8.8.8.8"));
  EXPECT_TRUE(allowed(options, "2001:db8::1"));
}

class BadEntry : public ::testing::TestWithParam<const char*> {};
TEST_P(BadEntry, IsNamed) {
  const auto egress = Egress::parse({.allow = {"10.0.0.0/8"}, .deny = {GetParam()}});
  ASSERT_FALSE(egress);
  EXPECT_EQ(egress.error().code(), Code::kBadRequest);
  EXPECT_EQ(std::string(egress.error().what()).rfind("\"" + std::string(GetParam()) + "\"", 0), 0U);
}
INSTANTIATE_TEST_SUITE_P(All, BadEntry,
                         ::testing::Values("", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                                           "10.0.0.1/8", "10.0.0/8", "127.1", "0x7f.0.0.1", "node.example", "::/129",
                                           "fe80::1/10", "fe80::1%eth0", "[::1]", "10.0.0.0/8/8", " 10.0.0.0/8"));
TEST(Egress, TakesNoAddressWithAZeroByteInIt) {
  EXPECT_FALSE(Egress::parse({.allow = {std::string("10.0.0.1\0x", 10)}, .deny = {}}));
}

}  // namespace
}  // namespace pillard::ssh
