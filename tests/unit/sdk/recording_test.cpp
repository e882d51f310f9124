#include "pillard/testing/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "pillard/testing/fake_host.h"

namespace pillard::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using namespace std::chrono_literals;

constexpr const char* kExample = R"(pillard-recording 1

run exec at 0
argv "cat" "/proc/loadavg"
out at 12
|0.42 0.31 0.28 1/213 4711
end at 12 status 0

run stream at 15
argv "tail" "-f" "a \"b\" \\ \x0a"
out at 3
|one
|tw\
out at 250
|o
|three
err
|tail: a: file truncated
end open
)";

TEST(RecordingText, SaysWhatRanWhenAndWhatItPrinted) {
  const auto recording = parse_recording(kExample);
  ASSERT_EQ(recording.runs.size(), 2U);
  const auto& first = recording.runs[0];
  const auto& second = recording.runs[1];
  EXPECT_FALSE(first.streams);
  EXPECT_THAT(first.argv, ElementsAre("cat", "/proc/loadavg"));
  EXPECT_EQ(first.out.at(0).bytes, "0.42 0.31 0.28 1/213 4711\n");
  EXPECT_EQ(first.took, 12ms);
  EXPECT_TRUE(second.streams);
  EXPECT_EQ(second.started, 15ms);
  EXPECT_EQ(second.argv.at(2), "a \"b\" \\ \n");
  EXPECT_EQ(second.out.at(0).bytes, "one\ntw");
  EXPECT_EQ(second.out.at(1).bytes, "o\nthree\n");
  EXPECT_EQ(second.out.at(1).at, 250ms);
  EXPECT_EQ(second.err, "tail: a: file truncated\n");
  EXPECT_EQ(second.took, std::nullopt);
}

TEST(RecordingText, IsTheSameAgainWhenItIsWritten) { EXPECT_EQ(to_text(parse_recording(kExample)), kExample); }

TEST(RecordingText, KeepsEveryByte) {
  std::string bytes(256, ' ');
  std::iota(bytes.begin(), bytes.end(), '\0');
  Recording recording;
  for (const auto& text : {bytes, std::string("\n\n"), std::string("\\"), std::string("\\\n"), std::string("a\\"),
                           std::string("ünïcode ✓\n"), std::string("\xC3"), std::string("|x\n# y\nend open\n")}) {
    RecordedRun run{.argv = {"p", bytes.substr(1), text, ""}};
    run.out.push_back({.at = 1ms, .bytes = text});
    run.err = text;
    run.took = 5ms;
    recording.runs.push_back(run);
  }
  const auto text = to_text(recording);
  const auto again = parse_recording(text);
  ASSERT_EQ(again.runs.size(), recording.runs.size());
  for (std::size_t i = 0; i < again.runs.size(); ++i) {
    EXPECT_EQ(again.runs[i].argv, recording.runs[i].argv);
    EXPECT_EQ(again.runs[i].out.at(0).bytes, recording.runs[i].out.at(0).bytes);
    EXPECT_EQ(again.runs[i].err, recording.runs[i].err);
  }
  EXPECT_THAT(text, HasSubstr("|ünïcode ✓\n"));  // what can be read stays so
}

TEST(RecordingText, KeepsHowAProgramEnded) {
  for (const std::string end :
       {"at 7 status 3", "at 7 signal TERM", "at 7 timed-out", "open", "at 7 status 0 truncated", "open truncated"}) {
    const auto text = "pillard-recording 1\n\nrun exec at 0\nargv \"x\"\nend " + end + "\n";
    EXPECT_EQ(to_text(parse_recording(text)), text);
  }
}

std::string mistake(const std::string& text) {
  try {
    parse_recording(text);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "none";
}

TEST(RecordingText, NamesTheLineThatIsWrong) {
  const std::string begin = "pillard-recording 1\nrun exec at 0\nargv \"x\"\n";
  EXPECT_EQ(mistake(""), "line 1: expected \"pillard-recording 1\"");
  EXPECT_EQ(mistake("pillard-recording 2\n"), "line 1: expected \"pillard-recording 1\"");
  EXPECT_EQ(mistake(begin), "line 4: the last run has no end");
  EXPECT_EQ(mistake(begin + "|x\n"), "line 4: output stands here without \"out\" or \"err\" before it");
  EXPECT_EQ(mistake(begin + "out at -1\n"), "line 4: expected a number from 0 to 1000000000");
  EXPECT_EQ(mistake(begin + "out at 5\nout at 4\n"), "line 5: the pieces are not in the order of their times");
  EXPECT_THAT(mistake(begin + "out at 5\n|\\q\n"), StartsWith("line 5: a \"\\\" stands here that is no escape"));
  EXPECT_THAT(mistake(begin + "out at 5\n|\\x4\n"), StartsWith("line 5: a \"\\\" stands here that is no escape"));
  EXPECT_EQ(mistake(begin + "err\nout at 5\n"), "line 5: expected output or \"end\"");
  EXPECT_EQ(mistake(begin + "end at 5\n"), "line 4: expected \"status\", \"signal\" or \"timed-out\"");
  EXPECT_EQ(mistake(begin + "end at 5 status 256\n"), "line 4: expected a number from 0 to 255");
  EXPECT_EQ(mistake(begin + "end open maybe\n"), "line 4: something stands behind the end of the line");
  EXPECT_EQ(mistake(begin + "run exec at 0\n"), "line 4: expected \"out\", \"err\" or \"end\"");
  EXPECT_EQ(mistake("pillard-recording 1\nrun shell at 0\n"), "line 2: expected \"exec\" or \"stream\"");
  EXPECT_EQ(mistake("pillard-recording 1\nrun exec at 0\nargv\n"), "line 3: expected at least one argument");
  EXPECT_EQ(mistake("pillard-recording 1\nrun exec at 0\nargv \"x\n"), "line 3: the closing quotation mark is missing");
  EXPECT_EQ(mistake("pillard-recording 1\nrun exec at 0\nargv x\n"), "line 3: expected an argument in quotes");
  EXPECT_EQ(mistake("pillard-recording 1\nrun exec at 0\nend open\n"), "line 3: expected \"argv\"");
}

struct Nothing {
  PILLARD_FIELDS(Nothing)
};

/// Publishes what `cat` prints, once a second, and each line of `tail`.
class Watching final : public Source {
 public:
  Watching(Context& context, const Nothing&) : context_(context) {
    tail_ = context_.node().lines(
        {.argv = {"tail"}}, [this](std::string_view line) { context_.publish(std::string(line)); },
        [this](const Exit& exit) { context_.publish("tail ended " + std::to_string(exit.status)); });
    look();
  }

 private:
  void look() {
    cat_ = context_.node().exec({.argv = {"cat"}, .timeout = 5s}, [this](const Exit& exit) {
      context_.publish(exit.timed_out ? "timed out" : "cat " + exit.out + exit.err + std::to_string(exit.status));
      next_ = context_.after(1s, [this] { look(); });
    });
  }
  Context& context_;
  Handle tail_;
  Handle cat_;
  Handle next_;
};

class WatchingPlugin final : public Plugin {
 public:
  void setup(Registrar& registrar, const Config&) override {
    registrar.stream<Nothing, Watching>({.subscribe = "watch", .unsubscribe = "unwatch", .event = "seen"});
  }
};

class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() { host.load<WatchingPlugin>(); }
  ~ReplayTest() override { std::filesystem::remove(path); }
  void replay(const std::string& runs) {
    std::ofstream(path, std::ios::binary) << "pillard-recording 1\n" << runs;
    host.node().replay(path);
  }
  const std::string path =
      (std::filesystem::temp_directory_path() / ("pillard-replay-" + std::to_string(::getpid()))).string();
  FakeHost host;
};

constexpr const char* kTail = "run stream at 0\nargv \"tail\"\nout at 100\n|a\n|b\\\nout at 300\n|b\nend open\n";

TEST_F(ReplayTest, HandsOutStreamsInTheirPiecesAtTheirTimes) {
  replay(std::string(kTail) + "run exec at 0\nargv \"cat\"\nend open\n");
  auto& stream = host.subscribe("watch");
  host.advance(99ms);
  EXPECT_THAT(stream.published(), IsEmpty());
  host.advance(1ms);
  EXPECT_THAT(stream.published(), ElementsAre("\"a\""));
  host.advance(200ms);
  EXPECT_THAT(stream.published(), ElementsAre("\"a\"", "\"bb\""));
  host.advance(4s);  // `tail` goes on in silence
  EXPECT_THAT(stream.published(), ElementsAre("\"a\"", "\"bb\""));
  EXPECT_EQ(host.live_handles(), 2U);
}

TEST_F(ReplayTest, AnswersEachRunOfACommandByItsOwnAndThenByTheLast) {
  replay(std::string(kTail) +
         "run exec at 0\nargv \"cat\"\nout at 20\n|1\nend at 20 status 0\n"
         "run exec at 0\nargv \"cat\"\nout at 20\n|2\nerr\n|bad\nend at 20 status 1\n");
  auto& stream = host.subscribe("watch");
  host.advance(3s);
  EXPECT_THAT(stream.published(),
              ElementsAre(R"("cat 1\n0")", "\"a\"", "\"bb\"", R"("cat 2\nbad\n1")", R"("cat 2\nbad\n1")"));
}

TEST_F(ReplayTest, LetsACommandTimeOutThatDid) {
  replay(std::string(kTail) + "run exec at 0\nargv \"cat\"\nend at 5000 timed-out\n");
  auto& stream = host.subscribe("watch");
  host.advance(5s);
  EXPECT_THAT(stream.published(), ElementsAre("\"a\"", "\"bb\"", "\"timed out\""));
}

TEST_F(ReplayTest, LetsACommandTimeOutThatNeverEnded) {
  replay(std::string(kTail) + "run exec at 0\nargv \"cat\"\nend open\n");
  auto& stream = host.subscribe("watch");
  host.advance(5s);
  EXPECT_THAT(stream.published(), ElementsAre("\"a\"", "\"bb\"", "\"timed out\""));
}

TEST_F(ReplayTest, LeavesOutACommandThatTheEndOfTheRecordingCutOff) {
  replay(std::string(kTail) + "run exec at 0\nargv \"cat\"\nout at 0\n|1\nend at 0 status 0\n" +
         "run exec at 1000\nargv \"cat\"\nend open\n");
  auto& stream = host.subscribe("watch");
  host.advance(1s);
  EXPECT_THAT(stream.published(), ElementsAre(R"("cat 1\n0")", "\"a\"", "\"bb\"", R"("cat 1\n0")"));
}

TEST_F(ReplayTest, EndsAStreamAsItEnded) {
  replay("run stream at 0\nargv \"tail\"\nout at 5\n|a\nend at 40 status 3\nrun exec at 0\nargv \"cat\"\nend open\n");
  auto& stream = host.subscribe("watch");
  host.advance(40ms);
  EXPECT_THAT(stream.published(), ElementsAre("\"a\"", "\"tail ended 3\""));
}

TEST_F(ReplayTest, LeavesWhatWasNotRecordedToTheTest) {
  replay("run exec at 0\nargv \"cat\"\nend open\n");
  host.subscribe("watch");
  EXPECT_EQ(host.processes(), 1U);
  host.last_process().exit(0);
}

TEST_F(ReplayTest, NamesTheFileThatIsWrong) {
  EXPECT_THROW(replay("nonsense\n"), std::runtime_error);
  try {
    host.node().replay(path);
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), path + ": line 2: expected \"run\"");
  }
  EXPECT_THROW(host.node().replay("/nowhere"), std::runtime_error);
}

}  // namespace
}  // namespace pillard::testing
