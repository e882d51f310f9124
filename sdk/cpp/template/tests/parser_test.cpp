#include "parser.h"

#include <gtest/gtest.h>

#include "pillard/testing/plugin.h"

namespace my_monitor {
namespace {

TEST(Parser, ReadsWhatARealNodePrints) {
  const auto load = parse_load(pillard::testing::read_file("testdata/loadavg.txt"));
  ASSERT_TRUE(load);
  EXPECT_EQ(load->one, 0.42);
  EXPECT_EQ(load->five, 0.31);
  EXPECT_EQ(load->fifteen, 0.28);
  EXPECT_EQ(load->tasks, 213);
}

TEST(Parser, ReadsNothingFromAnythingElse) {
  for (const auto* text : {"", "\n", "0.42", "0.42 0.31 0.28", "0.42 0.31 0.28 1/", "a b c 1/213 4711",
                           "nan 0.31 0.28 1/213 4711", "inf 0.31 0.28 1/213 4711", "-1 0.31 0.28 1/213 4711"})
    EXPECT_FALSE(parse_load(text)) << text;
}

}  // namespace
}  // namespace my_monitor
