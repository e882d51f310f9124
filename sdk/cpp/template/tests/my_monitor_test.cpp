#include "my_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pillard/testing/fake_host.h"
#include "pillard/testing/plugin.h"

namespace my_monitor {
namespace {

using pillard::testing::FakeHost;
using pillard::testing::new_plugin;
using pillard::testing::read_file;
using pillard::testing::Reply;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

class MyMonitorTest : public testing::Test {
 protected:
  MyMonitorTest() { host.load(new_plugin()); }
  void answer(Reply reply) { host.node().on({"cat", "/proc/loadavg"}, std::move(reply)); }
  FakeHost host;
};

TEST_F(MyMonitorTest, PublishesWhatTheNodeTells) {
  answer({.out = read_file("testdata/loadavg.txt")});
  auto& stream = host.subscribe("subscribe_my_monitor");
  host.advance();
  EXPECT_THAT(stream.events(), ElementsAre(R"({"one":0.42,"five":0.31,"fifteen":0.28,"tasks":213})"));
}

TEST_F(MyMonitorTest, LooksAgainAfterTheInterval) {
  answer({.out = "1 1 1 1/1 1\n"});
  auto& stream = host.subscribe("subscribe_my_monitor", R"({"interval":2000})");
  host.advance(4000ms);
  EXPECT_THAT(stream.events(), SizeIs(3));
}

TEST_F(MyMonitorTest, TakesANewIntervalAtOnce) {
  answer({.out = "1 1 1 1/1 1\n"});
  auto& stream = host.subscribe("subscribe_my_monitor", R"({"interval":60000})");
  host.advance(1500ms);
  stream.retune(R"({"interval":2000})");
  host.advance(500ms);
  EXPECT_THAT(stream.events(), SizeIs(2));
}

TEST_F(MyMonitorTest, EndsWhereTheNodeCannotTell) {
  answer({.err = "cat: /proc/loadavg: No such file or directory\n", .status = 1});
  auto& stream = host.subscribe("subscribe_my_monitor");
  host.advance();
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems().front().code(), pillard::Code::kUnsupported);
  EXPECT_TRUE(stream.ended());
}

TEST_F(MyMonitorTest, IsTriedAgainWhenTheNodeIsSlow) {
  answer({.out = "1 1 1 1/1 1\n", .delay = 6s});
  auto& stream = host.subscribe("subscribe_my_monitor");
  host.advance(6s);
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems().front().code(), pillard::Code::kTimeout);
  EXPECT_FALSE(stream.ended());
}

TEST(Configuration, HasTheSampleWithoutAMistake) {
  FakeHost host;
  host.load(new_plugin(), read_file("sample.ini"));
  EXPECT_THAT(host.mistakes(), IsEmpty());
  EXPECT_THAT(read_file("README.md"), HasSubstr("```ini\n" + read_file("sample.ini") + "```\n"));
}

TEST(Configuration, NamesAMistakeWithItsLine) {
  FakeHost host;
  host.load(new_plugin(), "timeout = soon\ntimeuot = 5000\n");
  ASSERT_THAT(host.mistakes(), SizeIs(2));
  EXPECT_EQ(host.mistakes()[0].text(), "plugin.ini:1: timeout: expected an integer from 100 to 60000, got \"soon\"");
  EXPECT_EQ(host.mistakes()[1].text(), "plugin.ini:2: timeuot: unknown key");
}

}  // namespace
}  // namespace my_monitor
