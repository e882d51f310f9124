#include "observe/log.h"

#include <Poco/Message.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>

#include "observe/line_channel.h"
#include "pillard/json.h"

namespace pillard::observe {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

class Lines final : public Poco::Channel {
 public:
  void log(const Poco::Message& message) override { seen.push_back(message.getText()); }
  std::vector<std::string> seen;
};

struct Written {
  explicit Written(bool json = false, Level level = Level::kDebug)
      : log({.level = level, .json = json, .channel = lines}) {}
  const std::string& last() const { return lines->seen.back(); }
  Poco::AutoPtr<Lines> lines{new Lines};
  Log log;
};

struct Token {};  // stands for a type that does not show its text
template <class T>
constexpr bool kLoggable = requires(T value) {
  Field("name", value);
};

TEST(Field, TakesOnlyWhatIsMeantToBeShown) {
  EXPECT_TRUE(kLoggable<std::string>);
  EXPECT_TRUE(kLoggable<int>);
  EXPECT_FALSE(kLoggable<Token>);
  EXPECT_FALSE(kLoggable<double>);
  EXPECT_FALSE(kLoggable<void*>);
  EXPECT_FALSE(kLoggable<std::nullptr_t>);
  EXPECT_FALSE(kLoggable<std::vector<char>>);
}

TEST(Log, WritesTimeLevelStageMessageAndFields) {
  Written w;
  w.log.warning("transport", "connection refused",
                {{"peer", "192.0.2.7"}, {"open", 12u}, {"left", -3}, {"tls", false}});
  EXPECT_THAT(w.last(), MatchesRegex("20[0-9-]{8}T[0-9:]{8}\\.[0-9]{3}Z warning transport: connection refused "
                                     "peer=192\\.0\\.2\\.7 open=12 left=-3 tls=false"));
}

TEST(Log, KeepsARecordAtEveryLevel) {
  Written w(false, Level::kError);
  w.log.info("plugin", "says");
  w.log.record("plugin", "audit", {{"user", "eth"}});
  ASSERT_EQ(w.lines->seen.size(), 1U);
  EXPECT_THAT(w.last(), EndsWith("info plugin: audit user=eth"));
  EXPECT_EQ(w.log.lines(Level::kInfo), 1U);
}

TEST(Log, ShowsTheLargestNumbers) {
  Written w;
  w.log.info("observe", "numbers",
             {{"u", std::numeric_limits<std::uint64_t>::max()}, {"s", std::numeric_limits<std::int64_t>::min()}});
  EXPECT_THAT(w.last(), EndsWith("u=18446744073709551615 s=-9223372036854775808"));
}

TEST(Log, ShowsDurationsInMilliseconds) {
  Written w;
  w.log.info("observe", "took", {{"ms", std::chrono::seconds(2)}});
  EXPECT_THAT(w.last(), EndsWith("ms=2000"));
}

TEST(Log, LeavesOutWhatIsLessGraveThanItsLevel) {
  Written w(false, Level::kWarning);
  w.log.info("observe", "no");
  w.log.debug("observe", "no");
  EXPECT_THAT(w.lines->seen, IsEmpty());
  w.log.error("observe", "yes");
  w.log.warning("observe", "yes");
  EXPECT_EQ(w.lines->seen.size(), 2u);
}

TEST(Log, ChangesItsLevelWhileRunning) {
  Written w(false, Level::kError);
  w.log.set_level("observe", Level::kDebug);
  w.log.debug("observe", "yes");
  w.log.debug("ssh", "no");
  EXPECT_EQ(w.lines->seen.size(), 1u);
}

TEST(Log, HasALevelForEachStage) {
  Poco::AutoPtr<Lines> lines(new Lines);
  Log log({.level = Level::kWarning,
           .levels = {{"ssh", Level::kDebug}, {"transport", Level::kError}},
           .json = false,
           .channel = lines});
  EXPECT_TRUE(log.enabled(Level::kDebug, "ssh"));
  EXPECT_FALSE(log.enabled(Level::kWarning, "transport"));
  EXPECT_TRUE(log.enabled(Level::kWarning, "router"));
  EXPECT_FALSE(log.enabled(Level::kInfo, "router"));
  log.debug("ssh", "yes");
  log.warning("transport", "no");
  EXPECT_EQ(lines->seen.size(), 1u);
}

template <class T>
constexpr bool kIsStage = requires(T name) {
  Stage(name);
};
TEST(Stage, IsKnownWhenItIsCompiled) {
  EXPECT_EQ(Stage("transport").name(), "transport");
  EXPECT_FALSE(kIsStage<std::string>) << "a name that is made at run time could be any";
}

TEST(Log, QuotesValuesThatAreNotOneWord) {
  Written w;
  w.log.info("observe", "m", {{"a", "two words"}, {"b", ""}, {"c", "x=y"}, {"d", "say \"hi\" \\"}});
  EXPECT_THAT(w.last(), EndsWith(R"(a="two words" b="" c="x=y" d="say \"hi\" \\")"));
}

TEST(Log, NeverLetsAValueStartALine) {
  Written w;
  w.log.info("observe", "m", {{"a", "x\n2026 error forged\r\ty"}});
  EXPECT_THAT(w.last(), EndsWith(R"(a="x\n2026 error forged\r\ty")"));
}

TEST(Log, EscapesWhatWouldSteerATerminal) {
  Written w;
  w.log.info("observe", "m", {{"a", "\x1b[2J\x7f\xc2\x9b\xe2\x80\xae"}});
  EXPECT_THAT(w.last(), EndsWith(R"(a="\u001b[2J\u007f\u009b\u202e")"));
}

TEST(Log, ShowsBytesThatAreNotUtf8) {
  Written w;
  w.log.info("observe", "m", {{"a", "\xff\xc0\xaf\xed\xa0\x80\xe2\x82"}});
  EXPECT_THAT(w.last(), EndsWith(R"(a="\xff\xc0\xaf\xed\xa0\x80\xe2\x82")"));
}

TEST(Log, KeepsTextInAllLanguages) {
  Written w;
  w.log.info("observe", "m", {{"a", "z\xc3\xbcrich-\xe6\x9d\xb1\xe4\xba\xac-\xf0\x9f\x9a\x80"}});
  EXPECT_THAT(w.last(), EndsWith("a=z\xc3\xbcrich-\xe6\x9d\xb1\xe4\xba\xac-\xf0\x9f\x9a\x80"));
}

TEST(Log, WritesOneJsonObjectALine) {
  Written w(true);
  w.log.info("ssh", "logged in", {{"node", "a\n\"b\xff\x1b"}, {"port", 22}, {"new", true}});
  EXPECT_TRUE(json::valid(w.last())) << w.last();
  EXPECT_THAT(w.last(), EndsWith("\"level\":\"info\",\"stage\":\"ssh\",\"message\":\"logged in\","
                                 "\"node\":\"a\\n\\\"b\xef\xbf\xbd\\u001b\",\"port\":22,\"new\":true}"));
}

TEST(Log, CutsLongValues) {
  Written w;
  w.log.info("observe", "m", {{"a", std::string(10000, 'x')}, {"b", 1}});
  EXPECT_THAT(w.last(), EndsWith("xxx... b=1"));
}

TEST(Log, NeverWritesMoreThanALine) {
  for (const bool json : {false, true}) {
    Written w(json);
    const std::string wide(3000, '\x1b');
    w.log.info("observe", "m", {{"a", wide}, {"b", wide}, {"c", wide}, {"d", wide}, {"e", 1}});
    EXPECT_LT(w.last().size(), Log::kMaxLine);
    EXPECT_THAT(w.last(), HasSubstr("truncated"));
    EXPECT_TRUE(!json || json::valid(w.last())) << w.last();
  }
}

struct Pipe {
  Pipe() {
    EXPECT_EQ(pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
    // Blocking, as standard error is: a log that waits would hang this test.
    fcntl(ends[1], F_SETFL, 0);
  }
  ~Pipe() {
    if (ends[0] >= 0) close(ends[0]);
    close(ends[1]);
  }
  std::string drain() const {
    std::string text(1024 * 1024, '\0');
    const auto got = ::read(ends[0], text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  std::array<int, 2> ends{-1, -1};
};

Poco::AutoPtr<LineChannel> channel_to(const Pipe& pipe) { return new LineChannel(pipe.ends[1]); }

TEST(LineChannel, EndsEachMessageWithANewline) {
  Pipe pipe;
  auto channel = channel_to(pipe);
  channel->log({"", "one", Poco::Message::PRIO_ERROR});
  channel->log({"", "two", Poco::Message::PRIO_ERROR});
  EXPECT_EQ(pipe.drain(), "one\ntwo\n");
}

TEST(LineChannel, DropsInsteadOfWaitingForAReader) {
  Pipe pipe;
  auto channel = channel_to(pipe);
  for (int i = 0; i < 100; ++i) channel->log({"", std::string(4000, 'x'), Poco::Message::PRIO_ERROR});
  EXPECT_EQ(channel->take_dropped(), 0u) << "nobody could be told yet";
  const auto kept = pipe.drain().size() / 4001;
  EXPECT_EQ(channel->take_dropped(), 100 - kept);
  EXPECT_EQ(channel->take_dropped(), 0u);
}

TEST(LineChannel, KeepsRecordsUntilThereIsRoom) {
  Pipe pipe;
  auto channel = channel_to(pipe);
  for (int i = 0; i < 100; ++i) channel->log({"", std::string(4000, 'x'), Poco::Message::PRIO_ERROR});
  for (std::size_t i = 0; i < LineChannel::kMostKept + 5; ++i)
    channel->log({"", "record " + std::to_string(i), Poco::Message::PRIO_NOTICE});
  const auto full = pipe.drain().size() / 4001;
  EXPECT_EQ(channel->take_dropped(), 100 - full + 5) << "what has a bound can be too much";
  channel->log({"", "next", Poco::Message::PRIO_ERROR});
  const auto text = pipe.drain();
  EXPECT_TRUE(text.starts_with("record 0\nrecord 1\n")) << text.substr(0, 100);
  EXPECT_TRUE(text.ends_with("\nrecord 999\nnext\n")) << text.substr(text.size() - 100);
}

TEST(LineChannel, WritesTheRecordsThatAreLeftAtItsEnd) {
  Pipe pipe;
  auto channel = channel_to(pipe);
  for (int i = 0; i < 100; ++i) channel->log({"", std::string(4000, 'x'), Poco::Message::PRIO_ERROR});
  channel->log({"", "record", Poco::Message::PRIO_NOTICE});
  pipe.drain();
  channel.reset();
  EXPECT_EQ(pipe.drain(), "record\n");
}

TEST(LineChannel, SurvivesAReaderThatLeft) {
  Pipe pipe;
  close(std::exchange(pipe.ends[0], -1));
  auto channel = channel_to(pipe);
  channel->log({"", "lost", Poco::Message::PRIO_ERROR});
  EXPECT_EQ(channel->take_dropped(), 0u);
}

TEST(LineChannel, SurvivesAClosedDescriptor) {
  Poco::AutoPtr<LineChannel> channel(new LineChannel(-1));
  channel->log({"", "lost", Poco::Message::PRIO_ERROR});
  EXPECT_EQ(channel->take_dropped(), 0u);
}

TEST(Log, TellsHowManyLinesWereDropped) {
  Pipe pipe;
  Log log({.level = Level::kInfo, .json = false, .channel = channel_to(pipe)});
  const std::string wide(2000, 'x');
  for (int i = 0; i < 100; ++i) log.info("observe", "flood", {{"a", wide}});
  pipe.drain();
  log.info("observe", "calm");
  EXPECT_THAT(pipe.drain(), MatchesRegex("[^\n]* lines were dropped[^\n]* lines=[0-9]+\n[^\n]* calm\n"));
}

using namespace std::chrono_literals;
const Throttle::Clock::time_point kStart{1000s};

TEST(Throttle, LetsOneThroughPerWindowAndCountsTheOthers) {
  Throttle throttle(10s);
  EXPECT_EQ(throttle.pass("a", kStart), 0u);
  EXPECT_EQ(throttle.pass("a", kStart + 1s), std::nullopt);
  EXPECT_EQ(throttle.pass("a", kStart + 9s), std::nullopt);
  EXPECT_EQ(throttle.pass("a", kStart + 10s), 2u);
  EXPECT_EQ(throttle.pass("a", kStart + 20s), 0u);
}

TEST(Throttle, KeepsKeysApart) {
  Throttle throttle(10s);
  EXPECT_EQ(throttle.pass("a", kStart), 0u);
  EXPECT_EQ(throttle.pass("b", kStart), 0u);
}

TEST(Throttle, ForgetsOldKeysWhenItIsFull) {
  Throttle throttle(10s, 2);
  throttle.pass("a", kStart);
  throttle.pass("b", kStart + 5s);
  EXPECT_EQ(throttle.pass("c", kStart + 11s), 0u);
  EXPECT_EQ(throttle.pass("b", kStart + 11s), std::nullopt);
}

TEST(Throttle, SharesOneWindowAmongNewKeysWhenAllKnownOnesAreFresh) {
  Throttle throttle(10s, 2);
  throttle.pass("a", kStart);
  throttle.pass("b", kStart);
  EXPECT_EQ(throttle.pass("c", kStart), 0u);
  EXPECT_EQ(throttle.pass("d", kStart), std::nullopt);
  EXPECT_EQ(throttle.pass("e", kStart), std::nullopt);
}

}  // namespace
}  // namespace pillard::observe
