#include "node_metrics.h"

#include <gmock/gmock.h>

#include "pillard/testing/fake_host.h"
#include "pillard/testing/plugin.h"

namespace node_metrics {
namespace {

using pillard::Code;
using pillard::Command;
using pillard::testing::FakeHost;
using pillard::testing::FakeStream;
using pillard::testing::new_plugin;
using pillard::testing::Reply;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using namespace std::chrono_literals;

/// A machine of two cores whose time goes with the host's, one of them busy, and whose disk is written to: 1 MiB/s.
class Machine {
 public:
  explicit Machine(FakeHost& host) : host_(host), born_(host.unix_ms() - 1'000'000) {}

  std::string look(std::size_t measured) const {
    const auto ms = host_.unix_ms() - born_;
    const auto ticks = std::to_string(ms / 10);
    const auto seconds =
        std::to_string(ms / 1000) + "." + (ms % 1000 < 100 ? "0" : "") + std::to_string(ms % 1000 / 10);
    const auto sectors = std::to_string(ms * 2048 / 1000);
    const auto free = std::to_string(1'000'000 - ms * 256 / 1000);
    std::string out = "cpu  " + ticks + " 0 0 " + ticks + " 0 0 0 0\ncpu0 " + ticks + " 0 0 0 0 0 0 0\n";
    for (const auto& point : mounts)
      out += "24 1 8:" + std::to_string(point.size()) + " / " + point + " rw - ext4 /dev/sda rw\n";
    out += "==> /proc/uptime <==\n" + seconds + " 0\n";
    out += "==> /proc/diskstats <==\n 8 0 sda 1 0 8 1 1 0 " + sectors + " 1 0 1 1\n";
    out += "==> /proc/meminfo <==\nMemTotal: 1000 kB\nMemAvailable: 600 kB\n";
    if (measured > 0) out += "==> stat <==\n";
    for (std::size_t at = 0; at < measured; ++at)
      out += "4096 2000000 " + free + " " + free + " 100 50 " + mounts[at] + "\n";
    return out;
  }
  std::vector<std::string> mounts{"/"};

 private:
  FakeHost& host_;
  std::int64_t born_;
};

class NodeMetrics : public testing::Test {
 protected:
  /// `delay`: how long the node takes for each look.
  void answer_as_machine(pillard::Milliseconds delay = 0ms) {
    host.node().on_command([this, delay](const Command& command) -> std::optional<Reply> {
      if (!std::equal(look_command().begin(), look_command().end(), command.argv.begin())) return std::nullopt;
      return Reply{.out = machine.look(command.argv.size() - look_command().size()), .delay = delay};
    });
  }
  void answer(const Reply& reply) { host.node().on_prefix(look_command(), reply); }
  FakeStream& subscribe(std::string_view params = {}, std::string_view ini = {}) {
    host.load(new_plugin(), ini);
    return host.subscribe("subscribe_metrics", params);
  }
  /// What the source ended with when the node answers so.
  pillard::Error problem(const Reply& reply) {
    answer(reply);
    auto& stream = subscribe();
    host.advance(20s);
    if (stream.problems().empty()) return {Code::kInternal, "no problem"};
    return stream.problems().front();
  }
  FakeHost host;
  Machine machine{host};
};

TEST_F(NodeMetrics, ShowsRatesWithItsFirstEventAfterASecond) {
  answer_as_machine();
  auto& stream = subscribe(R"({"interval":60000})");
  host.advance(999ms);
  EXPECT_THAT(stream.events(), IsEmpty());
  host.advance(1ms);
  ASSERT_THAT(stream.events(), SizeIs(1));
  EXPECT_THAT(stream.events()[0],
              AllOf(HasSubstr(R"("timestamp":1700000001000,"uptime":1001,"period":1,)"),
                    HasSubstr(R"("cpu":{"used":0.5,"user":0.5,"system":0,"iowait":0,"steal":0})"),
                    HasSubstr(R"("cores":[{"core":0,"used":1,"user":1,"system":0,"iowait":0,"steal":0}])"),
                    HasSubstr(R"("memory":{"total":1024000,"used":409600,"available":614400})"),
                    HasSubstr(R"("filesystems":[{"mount":"/","device":"/dev/sda","type":"ext4","size":8192000000,)"),
                    HasSubstr(R"("disks":[{"name":"sda","read_bytes":0,"write_bytes":1048576,)"),
                    HasSubstr(R"("interfaces":[],"temperatures":[])"), Not(HasSubstr("swap")),
                    Not(HasSubstr("full_in")), Not(HasSubstr("null"))));
}

TEST_F(NodeMetrics, LooksWithOneCommandThatNamesTheMountPoints) {
  machine.mounts = {"/", "/mnt/\u00fcn\u00ef"};
  answer_as_machine();
  subscribe();
  host.advance(1s);
  ASSERT_THAT(host.commands(), SizeIs(2));
  EXPECT_EQ(host.commands()[0], look_command());
  const std::vector<std::string> rest(host.commands()[1].begin() + static_cast<std::ptrdiff_t>(look_command().size()),
                                      host.commands()[1].end());
  EXPECT_THAT(rest, ElementsAre("/", "/mnt/\u00fcn\u00ef"));
}

TEST_F(NodeMetrics, ShowsAFilesystemThatIsMountedMeanwhile) {
  answer_as_machine();
  auto& stream = subscribe(R"({"interval":1000})");
  host.advance(1s);
  machine.mounts.push_back("/new");
  host.advance(1s);
  EXPECT_THAT(stream.events().back(), Not(HasSubstr("/new")));
  host.advance(1s);
  EXPECT_THAT(stream.events().back(), HasSubstr(R"("mount":"/new")"));
}

TEST_F(NodeMetrics, NeverMeasuresAFilesystemThatIsHidden) {
  machine.mounts = {"/", "/snap/core"};
  answer_as_machine();
  subscribe();
  host.advance(1s);
  EXPECT_EQ(host.commands().back().back(), "/");
}

TEST_F(NodeMetrics, LooksEveryTwoSecondsWhenNotAskedOtherwise) {
  answer_as_machine();
  auto& stream = subscribe();
  host.advance(2999ms);
  EXPECT_THAT(stream.events(), SizeIs(1));
  host.advance(1ms);
  EXPECT_THAT(stream.events(), SizeIs(2));
  host.advance(4s);
  EXPECT_THAT(stream.events(), SizeIs(4));
}

TEST_F(NodeMetrics, ClampsTheIntervalFromOneSecondToAMinute) {
  answer_as_machine();
  auto& fast = subscribe(R"({"interval":1})");
  auto& slow = host.subscribe("subscribe_metrics", R"({"interval":99999999})");
  host.advance(60'999ms);
  EXPECT_THAT(fast.events(), SizeIs(60));
  EXPECT_THAT(slow.events(), SizeIs(1));
  host.advance(1ms);
  EXPECT_THAT(slow.events(), SizeIs(2));
}

TEST_F(NodeMetrics, RefusesAnIntervalThatIsNoNumber) {
  host.load(new_plugin());
  EXPECT_THROW(host.subscribe("subscribe_metrics", R"({"interval":"often"})"), pillard::Error);
}

TEST_F(NodeMetrics, KeepsItsIntervalWhenTheNodeTakesAWhile) {
  answer_as_machine(300ms);
  auto& stream = subscribe(R"({"interval":1000})");
  host.advance(10'300ms);
  EXPECT_THAT(stream.events(), SizeIs(10));
}

TEST_F(NodeMetrics, NeverLooksTwiceAtOnceAndLetsASlowNodeRest) {
  answer_as_machine(3000ms);
  subscribe(R"({"interval":2000})");
  host.advance(6000ms);
  EXPECT_THAT(host.commands(), SizeIs(2));
  host.advance(499ms);
  EXPECT_THAT(host.commands(), SizeIs(2));
  host.advance(1ms);
  EXPECT_THAT(host.commands(), SizeIs(3));
}

TEST_F(NodeMetrics, TakesANewIntervalFromTheLastLook) {
  answer_as_machine();
  auto& stream = subscribe(R"({"interval":60000})");
  host.advance(2500ms);
  stream.retune(R"({"interval":2000})");
  host.advance(499ms);
  EXPECT_THAT(stream.events(), SizeIs(1));
  host.advance(1ms);
  EXPECT_THAT(stream.events(), SizeIs(2));
}

TEST_F(NodeMetrics, TakesANewIntervalBeforeTheSecondLook) {
  answer_as_machine();
  auto& stream = subscribe(R"({"interval":60000})");
  host.advance(500ms);
  stream.retune(R"({"interval":5000})");
  host.advance(500ms);
  EXPECT_THAT(stream.events(), SizeIs(1));
  host.advance(5s);
  EXPECT_THAT(stream.events(), SizeIs(2));
}

TEST_F(NodeMetrics, TakesANewIntervalWhileItLooks) {
  answer_as_machine(500ms);
  auto& stream = subscribe(R"({"interval":60000})");
  host.advance(1100ms);
  stream.retune(R"({"interval":1000})");
  host.advance(400ms);
  EXPECT_THAT(stream.events(), SizeIs(1));
  host.advance(1s);
  EXPECT_THAT(stream.events(), SizeIs(2));
}

TEST_F(NodeMetrics, MakesRatesWithTheNodesClockWhateverTheHostsSays) {
  answer_as_machine();
  auto& stream = subscribe(R"({"interval":1000})");
  host.advance(1s);
  answer_as_machine(700ms);  // it is asked late: the look is made before the delay
  host.advance(3s);
  for (const auto& event : stream.events()) EXPECT_THAT(event, HasSubstr(R"("write_bytes":1048576)"));
}

TEST_F(NodeMetrics, GoesOnWhenTheClockIsSetBack) {
  answer({.out = machine.look(0)});
  auto& stream = subscribe(R"({"interval":1000})");
  host.advance(1s);
  host.set_unix_ms(1000);
  host.advance(2s);
  EXPECT_THAT(stream.events(), SizeIs(3));
}

TEST_F(NodeMetrics, ForetellsWhenAFilesystemWillBeFull) {
  answer_as_machine();
  auto& stream = subscribe();
  host.advance(121s);
  // 1 MiB a second, of 1,000,000 blocks of 4 KiB less what is written already.
  const auto full_in = (1'000'000 - 1121 * 256) / 256;
  EXPECT_THAT(stream.events().back(), HasSubstr("\"full_in\":" + std::to_string(full_in)));
}

TEST_F(NodeMetrics, ForetellsNothingYetOfADiskThatTookAnothersPlace) {
  answer_as_machine();
  auto& stream = subscribe();
  host.advance(121s);
  machine.mounts = {"/x"};  // another device, another place
  host.advance(8s);
  EXPECT_THAT(stream.events().back(), AllOf(HasSubstr(R"("mount":"/x")"), Not(HasSubstr("full_in"))));
}

TEST_F(NodeMetrics, StopsAllWorkWithItsLastSubscriber) {
  answer_as_machine();
  auto& stream = subscribe();
  host.advance(1s);
  stream.unsubscribe();
  EXPECT_EQ(host.live_handles(), 0U);
  host.advance(60s);
  EXPECT_THAT(host.commands(), SizeIs(2));
}

TEST_F(NodeMetrics, BeginsAnewWhenTheNodeIsBack) {
  answer_as_machine();
  auto& stream = subscribe();
  host.advance(3s);
  host.lose_node();
  EXPECT_EQ(stream.problems().back().code(), Code::kDisconnected);
  const auto events = stream.events().size();
  stream.rebuild();
  host.advance(999ms);
  EXPECT_THAT(stream.events(), SizeIs(events));
  host.advance(1ms);
  EXPECT_THAT(stream.events(), SizeIs(events + 1));
}

TEST_F(NodeMetrics, SaysThatTheNodeTookTooLong) {
  EXPECT_EQ(problem({.out = machine.look(0), .delay = 11s}).code(), Code::kTimeout);
}

TEST_F(NodeMetrics, SaysThatANodeWithoutProcIsNotSupported) {
  const auto error = problem({.out = "\n"});
  EXPECT_EQ(error.code(), Code::kUnsupported);
  EXPECT_THAT(error.what(), HasSubstr("/proc"));
}

TEST_F(NodeMetrics, SaysThatANodeWithoutAShellIsNotSupported) {
  EXPECT_EQ(problem({.err = "env: 'sh': No such file or directory\n", .status = 127}).code(), Code::kUnsupported);
}

TEST_F(NodeMetrics, RepeatsOneLineOfAnUnknownFailure) {
  const auto error = problem({.err = "Something odd\nand more\n", .status = 2});
  EXPECT_EQ(error.code(), Code::kInternal);
  EXPECT_THAT(error.what(), EndsWith("failed: Something odd"));
  EXPECT_TRUE(pillard::passing(error.code()));
}

TEST_F(NodeMetrics, ReadsWhatCameWholeOfAnOutputThatWasCut) {
  auto out = machine.look(0);
  out += "==> /proc/net/dev <==\n";
  while (out.size() < 1024 * 1024 - 8) out += "\n";
  out += "eth0: 1 2 3 4 5 6 7 8 9 10 11 12\n";
  answer({.out = out});
  auto& stream = subscribe();
  host.advance(1s);
  ASSERT_THAT(stream.events(), SizeIs(1));
  EXPECT_THAT(stream.events()[0], AllOf(HasSubstr(R"("total":1024000)"), HasSubstr(R"("interfaces":[])")));
  EXPECT_EQ(host.counters().at("cut_looks"), 2);
}

TEST(LookCommand, HasNothingInItsTextThatAShellOfTheNodeCouldMisread) {
  const auto& script = look_command()[4];
  EXPECT_EQ(script.find('\n'), std::string::npos);
  EXPECT_EQ(script.find('!'), std::string::npos);
  EXPECT_LT(script.size(), 2048U);
}

TEST(LookCommand, PicksTheMountsOfEveryFilesystemThatIsMeasured) {
  const auto& script = look_command()[4];
  const auto from = script.find("| - (");
  const auto list = script.substr(from + 5, script.find(')', from) - from - 5);
  std::string expected;
  for (const auto filesystem : kRealFilesystems) expected.append(expected.empty() ? "" : "|").append(filesystem);
  EXPECT_EQ(list, expected);
}

}  // namespace
}  // namespace node_metrics
