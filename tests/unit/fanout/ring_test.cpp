#include "fanout/ring.h"

#include <gtest/gtest.h>

namespace pillard::fanout {
namespace {

std::shared_ptr<Event> event(std::string json) {
  auto made = std::make_shared<Event>();
  made->json = std::move(json);
  return made;
}

std::string held(const Ring& ring) {
  std::string all;
  for (const auto& one : ring.events()) all += one->json + ' ';
  return all;
}

class CountingEncoder final : public Encoder {
 public:
  std::string encode(std::string_view name, std::string_view json) const override {
    ++times;
    return std::string(name) + ':' + std::string(json);
  }
  mutable int times = 0;
};

TEST(Ring, KeepsTheNewestInTheirOrder) {
  Ring ring(3, 1000);
  for (const auto* text : {"1", "2", "3", "4", "5"}) ring.push(event(text));
  EXPECT_EQ(held(ring), "3 4 5 ");
}

TEST(Ring, OfNothingKeepsNothing) {
  Ring ring(0, 1000);
  ring.push(event("1"));
  EXPECT_TRUE(ring.events().empty());
}

TEST(Ring, LetsTheOldestGoForBytes) {
  Ring ring(100, 10);
  for (const auto* text : {"aaaa", "bbbb", "cccc"}) ring.push(event(text));
  EXPECT_EQ(held(ring), "bbbb cccc ");
}

TEST(Ring, KeepsTheNewestHoweverLarge) {
  Ring ring(100, 10);
  ring.push(event("aaaa"));
  ring.push(event(std::string(50, 'x')));
  EXPECT_EQ(ring.events().size(), 1U);
  ring.push(event("b"));
  EXPECT_EQ(held(ring), "b ");
}

TEST(Event, IsEncodedOnceForEachEncoder) {
  const CountingEncoder one;
  const CountingEncoder two;
  const auto made = event("{}");
  const auto first = made->frame(one, "tick");
  EXPECT_EQ(made->frame(one, "tick"), first);
  made->frame(two, "tick");
  EXPECT_EQ(*made->frame(one, "tick"), "tick:{}");
  EXPECT_EQ(one.times, 1);
  EXPECT_EQ(two.times, 1);
}

}  // namespace
}  // namespace pillard::fanout
