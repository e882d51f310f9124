#include "fanout/ring.h"

#include <gtest/gtest.h>

namespace pillard::fanout {
namespace {

SharedEvent event(std::string json, std::string cursor = {}) {
  return std::make_shared<const Event>(Event{.json = std::move(json), .cursor = std::move(cursor)});
}

std::string held(const Ring& ring) {
  std::string all;
  for (const auto& one : ring.events()) all += one->json + ' ';
  return all;
}

TEST(Ring, KeepsTheNewestInTheirOrder) {
  Ring ring(1000);
  for (const auto* text : {"1", "2", "3", "4", "5"}) ring.push(event(text), 3);
  EXPECT_EQ(held(ring), "3 4 5 ");
}

TEST(Ring, OfNothingKeepsNothing) {
  Ring ring(1000);
  ring.push(event("1"), 0);
  EXPECT_TRUE(ring.events().empty());
}

TEST(Ring, LetsTheOldestGoForBytes) {
  Ring ring(10);
  for (const auto* text : {"aaaa", "bbbb", "cccc"}) ring.push(event(text), 100);
  EXPECT_EQ(held(ring), "bbbb cccc ");
}

TEST(Ring, KeepsTheNewestHoweverLarge) {
  Ring ring(10);
  ring.push(event("aaaa"), 100);
  ring.push(event(std::string(20, 'b')), 100);
  EXPECT_EQ(held(ring), std::string(20, 'b') + ' ');
}

TEST(Ring, FindsTheNewestEventOfACursor) {
  Ring ring(1000);
  ring.push(event("1", "a"), 10);
  ring.push(event("2", "b"), 10);
  ring.push(event("3", "b"), 10);
  EXPECT_EQ((*ring.find("b"))->json, "3");
  EXPECT_TRUE(ring.knows("a"));
  EXPECT_FALSE(ring.knows("c"));
  EXPECT_EQ(ring.find("c"), ring.events().end());
}

TEST(Ring, KnowsNoEventWithoutACursor) {
  Ring ring(1000);
  ring.push(event("1"), 10);
  EXPECT_FALSE(ring.knows(""));
}

}  // namespace
}  // namespace pillard::fanout
