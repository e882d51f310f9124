#include "transport/address_limit.h"

#include <gtest/gtest.h>

namespace pillard::transport {
namespace {

wire::Address address(const char* text) { return wire::Address::parse(text).value(); }

TEST(AddressLimit, GivesEachAddressSoManyPlaces) {
  AddressLimit limit(2);
  const auto one = limit.take(address("192.0.2.7"));
  auto two = limit.take(address("192.0.2.7"));
  EXPECT_TRUE(one && two);
  EXPECT_FALSE(limit.take(address("192.0.2.7")));
  EXPECT_TRUE(limit.take(address("192.0.2.8")));
  two.reset();
  EXPECT_TRUE(limit.take(address("192.0.2.7")));
}

TEST(AddressLimit, CountsAnIpv6NetworkAsOne) {
  AddressLimit limit(1);
  const auto one = limit.take(address("2001:db8::1"));
  EXPECT_FALSE(limit.take(address("2001:db8::2")));
  EXPECT_TRUE(limit.take(address("2001:db8:0:1::1")));
}

TEST(AddressLimit, ForgetsWhoHasNoPlace) {
  AddressLimit limit(1);
  {
    auto first = limit.take(address("192.0.2.7"));
    AddressLimit::Place moved = std::move(*first);
    first.reset();
    EXPECT_EQ(limit.addresses(), 1U) << "a moved place is kept once";
    EXPECT_TRUE(moved.of(address("192.0.2.7")));
    EXPECT_FALSE(moved.of(address("192.0.2.8")));
    moved.leave();
    moved.leave();
    EXPECT_FALSE(moved.of(address("192.0.2.7")));
    EXPECT_EQ(limit.addresses(), 0U);
  }
  EXPECT_EQ(limit.addresses(), 0U);
}

TEST(AddressLimit, LetsAPlaceBeReplaced) {
  AddressLimit limit(1);
  AddressLimit::Place place = *limit.take(address("192.0.2.7"));
  place = *limit.take(address("192.0.2.8"));
  EXPECT_EQ(limit.addresses(), 1U);
  EXPECT_TRUE(limit.take(address("192.0.2.7")));
}

}  // namespace
}  // namespace pillard::transport
