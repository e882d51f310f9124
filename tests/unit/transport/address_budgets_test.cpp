#include "transport/address_budgets.h"

#include <gtest/gtest.h>

namespace pillard::transport {
namespace {

using namespace std::chrono_literals;
using Poco::Net::IPAddress;

class AddressBudgetsTest : public testing::Test {
 protected:
  std::chrono::milliseconds wait(const std::string& address, std::size_t bytes = 0) {
    return std::chrono::ceil<std::chrono::milliseconds>(budgets.charge(IPAddress(address), now, bytes));
  }
  AddressBudgets budgets{10, 3};
  AddressBudgets::Clock::time_point now{1h};
};

TEST_F(AddressBudgetsTest, AllowsABurstAndThenSoManyASecond) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(wait("192.0.2.1"), 0ms);
  EXPECT_EQ(wait("192.0.2.1"), 100ms);
  now += 100ms;
  EXPECT_EQ(wait("192.0.2.1"), 0ms);
  EXPECT_EQ(wait("192.0.2.1"), 100ms);
}

TEST_F(AddressBudgetsTest, ChargesNothingForARefusal) {
  for (int i = 0; i < 50; ++i) wait("192.0.2.1");
  EXPECT_EQ(wait("192.0.2.1"), 100ms);
}

TEST_F(AddressBudgetsTest, KeepsAddressesApartButNotThoseOfOneIpv6Network) {
  for (int i = 0; i < 3; ++i) wait("192.0.2.1");
  EXPECT_EQ(wait("192.0.2.2"), 0ms);
  for (const auto* one : {"2001:db8::1", "2001:db8::2", "2001:db8::3"}) EXPECT_EQ(wait(one), 0ms);
  EXPECT_EQ(wait("2001:db8::4"), 100ms);
  EXPECT_EQ(wait("2001:db8:0:1::1"), 0ms);
}

TEST_F(AddressBudgetsTest, CountsLongBodiesAsSeveral) {
  EXPECT_EQ(wait("192.0.2.1", 4096), 0ms);
  EXPECT_EQ(wait("192.0.2.1", 4096), 100ms);
  EXPECT_EQ(wait("192.0.2.2", 1'000'000), 0ms) << "one request is never more than all of it";
}

TEST_F(AddressBudgetsTest, ForgetsThoseThatOweNothingAndNoOthers) {
  for (int i = 0; i < 3; ++i) wait("192.0.2.1");
  for (int i = 0; i < 10'000; ++i) wait("10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250));
  EXPECT_EQ(wait("192.0.2.1"), 100ms);
}

}  // namespace
}  // namespace pillard::transport
