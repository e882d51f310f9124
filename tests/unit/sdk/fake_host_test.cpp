#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "pillard/testing/fake_host.h"

#include <chrono>
#include <thread>

namespace {

using namespace std::chrono_literals;
using pillard::Code;
using pillard::Context;
using pillard::Error;
using pillard::Exit;
using pillard::Function;
using pillard::Handle;
using pillard::testing::Argv;
using pillard::testing::FakeHost;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Params {
  std::string mode;
  std::int64_t interval = 1000;
  PILLARD_FIELDS(Params, PILLARD_FIELD(mode), PILLARD_FIELD(interval, {.min = 10, .pace = true}))
};

/// What the test lets a Source do when it is built.
using Script = std::function<void(class Scripted&)>;

class Scripted final : public pillard::Source {
 public:
  Scripted(Context& context_of_host, const Params& wanted, const Script& script)
      : context(context_of_host), params(wanted) {
    script(*this);
  }
  ~Scripted() override {
    if (on_stop) on_stop();
  }
  void retune(const Params& changed) { context.publish(std::string("retuned to ") + std::to_string(changed.interval)); }

  Context& context;
  Params params;
  Handle run;
  Handle next;
  Function<void()> on_stop;
};

struct NoParams {
  int unused = 0;
  PILLARD_FIELDS(NoParams, PILLARD_FIELD(unused))
};

class Answering final : public pillard::Call {
 public:
  Answering(pillard::CallContext& context, const std::function<void(Answering&)>& script) : call(context) {
    script(*this);
  }
  pillard::CallContext& call;
  Handle run;
};

class ScriptedPlugin final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config& config) override {
    if (config.flag("refuse", false)) throw std::runtime_error("refused");
    registrar.stream<Params, Scripted>(
        {.subscribe = "subscribe_x", .unsubscribe = "unsubscribe_x", .event = "x"},
        [this](Context& context, const Params& params) { return std::make_unique<Scripted>(context, params, script); });
    registrar.call<NoParams, Answering>(
        {.name = "ask", .timeout = 100ms},
        [this](pillard::CallContext& context, NoParams) { return std::make_unique<Answering>(context, call_script); });
  }
  Script script = [](Scripted&) {};
  std::function<void(Answering&)> call_script = [](Answering&) {};
};

class FakeHostTest : public ::testing::Test {
 protected:
  FakeHostTest() { host.load(plugin); }

 private:
  const std::unique_ptr<ScriptedPlugin> made_ = std::make_unique<ScriptedPlugin>();

 protected:
  ScriptedPlugin& plugin = *made_;
  FakeHost host;
};

TEST_F(FakeHostTest, RecordsWhatIsPublished) {
  plugin.script = [](Scripted& source) { source.context.publish(std::string("hello"), "c1"); };
  auto& stream = host.subscribe("subscribe_x", R"({"mode":"m"})");
  EXPECT_THAT(stream.events(), ElementsAre("\"hello\""));
  EXPECT_THAT(stream.cursors(), ElementsAre("c1"));
  EXPECT_TRUE(stream.running());
}

TEST_F(FakeHostTest, RefusesParamsAsTheHostDoes) {
  EXPECT_THROW(host.subscribe("subscribe_x", R"({"mode":5})"), Error);
  EXPECT_THROW(host.subscribe("subscribe_y"), std::invalid_argument);
}

TEST_F(FakeHostTest, TellsMistakesOfTheConfiguration) {
  ScriptedPlugin other;
  host.load(other, "refuse = maybe\ntypo = 1\n");
  EXPECT_THAT(host.mistakes(), SizeIs(2));
  EXPECT_THROW(host.load(other, "refuse = yes"), std::runtime_error);
}

TEST_F(FakeHostTest, RunsTimersInTheOrderOfTime) {
  std::vector<std::string> order;
  std::vector<Handle> handles;
  plugin.script = [&](Scripted& source) {
    handles.push_back(source.context.after(20ms, [&] { order.emplace_back("late"); }));
    handles.push_back(source.context.after(10ms, [&] { order.emplace_back("early"); }));
    handles.push_back(source.context.after(10ms, [&] { order.emplace_back("younger"); }));
  };
  host.subscribe("subscribe_x");
  host.advance(9ms);
  EXPECT_THAT(order, IsEmpty());
  host.advance(11ms);
  EXPECT_THAT(order, ElementsAre("early", "younger", "late"));
  handles.clear();
}

TEST_F(FakeHostTest, NeverRunsATimerWhoseHandleIsGone) {
  plugin.script = [](Scripted& source) {
    source.next = source.context.after(10ms, [] { FAIL(); });
    source.run = source.context.after(5ms, [&source] { source.next.cancel(); });
  };
  host.subscribe("subscribe_x");
  EXPECT_EQ(host.live_handles(), 2U);
  host.advance(1s);
  EXPECT_EQ(host.live_handles(), 0U);
}

TEST_F(FakeHostTest, LetsTheClockGoWithTime) {
  const auto before = host.unix_ms();
  host.advance(1500ms);
  EXPECT_EQ(host.unix_ms(), before + 1500);
  host.set_unix_ms(5);
  EXPECT_EQ(host.unix_ms(), 5);
}

void run_df(Scripted& source) {
  source.run = source.context.node().exec({.argv = {"df", "-h"}, .timeout = 50ms, .max_output = 100}, [&](Exit exit) {
    source.context.publish(exit.timed_out ? "timeout" : exit.out + "/" + exit.err + "/" + std::to_string(exit.status));
  });
}

TEST_F(FakeHostTest, AnswersCommandsAfterTheCallThatStartedThem) {
  host.node().on({"df", "-h"}, {.out = "full"});
  plugin.script = run_df;
  auto& stream = host.subscribe("subscribe_x");
  EXPECT_THAT(stream.events(), IsEmpty());
  host.advance();
  EXPECT_THAT(stream.events(), ElementsAre("\"full//0\""));
  EXPECT_THAT(host.commands(), ElementsAre(Argv{"df", "-h"}));
}

TEST_F(FakeHostTest, AnswersByTheNewestRuleThatFits) {
  host.node().on_prefix({"df"}, {.out = "prefix"});
  host.node().on({"df"}, {.out = "other argv"});
  host.node().on_match([](const Argv& argv) { return argv.size() == 7; }, {.out = "predicate"});
  plugin.script = run_df;
  auto& stream = host.subscribe("subscribe_x");
  host.advance();
  EXPECT_THAT(stream.events(), ElementsAre("\"prefix//0\""));
}

TEST_F(FakeHostTest, LetsCommandsTakeTimeAndTimeOut) {
  host.node().on({"df", "-h"}, {.err = "bad", .status = 2, .delay = 40ms});
  plugin.script = run_df;
  auto& slow = host.subscribe("subscribe_x");
  host.advance(39ms);
  EXPECT_THAT(slow.events(), IsEmpty());
  host.advance(1ms);
  EXPECT_THAT(slow.events(), ElementsAre("\"/bad/2\""));
  host.node().on({"df", "-h"}, {.out = "x", .delay = 1h});
  auto& silent = host.subscribe("subscribe_x");
  host.advance(50ms);
  EXPECT_THAT(silent.events(), ElementsAre("\"timeout\""));
}

TEST_F(FakeHostTest, ReportsBreachesToGoogleTestWhenItGoes) {
  EXPECT_NONFATAL_FAILURE(
      {
        ScriptedPlugin another;
        another.script = run_df;
        FakeHost other;
        other.load(another);
        other.subscribe("subscribe_x");
      },
      "FakeHost: subscribe_x: no rule answers exec() of \"df\" \"-h\"");
}

TEST_F(FakeHostTest, CutsLongOutput) {
  host.node().on({"df", "-h"}, {.out = std::string(200, 'x'), .err = std::string(200, 'y')});
  plugin.script = run_df;
  auto& stream = host.subscribe("subscribe_x");
  host.advance();
  EXPECT_THAT(stream.events(), ElementsAre("\"" + std::string(100, 'x') + "/" + std::string(10, 'y') + "/0\""));
}

TEST_F(FakeHostTest, FailsTheTestForACommandThatNoRuleAnswers) {
  plugin.script = run_df;
  auto& stream = host.subscribe("subscribe_x");
  host.advance();
  EXPECT_THAT(stream.events(), ElementsAre("\"/command no/127\""));
  EXPECT_THAT(host.take_failures(), ElementsAre(AllOf(HasSubstr("no rule"), HasSubstr("\"df\" \"-h\""))));
}

void follow(Scripted& source) {
  source.run = source.context.node().lines(
      {.argv = {"tail", "-f"}}, [&](std::string_view line) { source.context.publish(std::string(line)); },
      [&](Exit exit) { source.context.fail(Error(Code::kNotFound, "ended: " + exit.err)); });
}

TEST_F(FakeHostTest, LetsTheTestPlayAProgram) {
  plugin.script = follow;
  auto& stream = host.subscribe("subscribe_x");
  auto& tail = host.last_process();
  EXPECT_THAT(tail.argv(), ElementsAre("tail", "-f"));
  tail.out("one\ntw");
  tail.out("o\nthree");
  EXPECT_THAT(stream.events(), ElementsAre("\"one\"", "\"two\""));
  tail.exit(1, "gone");
  EXPECT_THAT(stream.events(), ElementsAre("\"one\"", "\"two\"", "\"three\""));
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_STREQ(stream.problems()[0].what(), "ended: gone");
  EXPECT_TRUE(stream.ended());
  EXPECT_TRUE(tail.ended());
  EXPECT_FALSE(tail.cancelled());
}

TEST_F(FakeHostTest, EndsProgramsWithTheirSource) {
  plugin.script = follow;
  auto& stream = host.subscribe("subscribe_x");
  stream.unsubscribe();
  EXPECT_TRUE(host.process(0).cancelled());
  host.process(0).out("into the void\n");
  host.process(0).exit();
  EXPECT_THAT(stream.events(), IsEmpty());
  EXPECT_TRUE(stream.ended());
}

TEST_F(FakeHostTest, PlaysAProgramByARule) {
  host.node().on({"tail", "-f"}, {.out = "a\nb", .err = "end"});
  plugin.script = follow;
  auto& stream = host.subscribe("subscribe_x");
  host.advance();
  EXPECT_THAT(stream.events(), ElementsAre("\"a\"", "\"b\""));
  EXPECT_TRUE(stream.ended());
}

TEST_F(FakeHostTest, DestroysASourceOnlyAfterTheCallbackThatFailed) {
  bool stopped = false;
  plugin.script = [&](Scripted& source) {
    source.on_stop = [&] { stopped = true; };
    source.next = source.context.after(1ms, [&] {
      source.context.fail(Error(Code::kTimeout, "first"));
      source.context.fail(Error(Code::kNotFound, "second"));
      source.context.publish(std::string("too late"));
      EXPECT_FALSE(stopped);
    });
  };
  auto& stream = host.subscribe("subscribe_x");
  host.advance(1ms);
  EXPECT_TRUE(stopped);
  EXPECT_THAT(stream.events(), IsEmpty());
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems()[0].code(), Code::kTimeout);
  EXPECT_FALSE(stream.ended());
  EXPECT_FALSE(stream.running());
}

TEST_F(FakeHostTest, RebuildsBehindTheLastCursor) {
  plugin.script = [](Scripted& source) {
    source.context.publish("after [" + source.context.resume_from() + "]", "c7");
    source.context.fail(Error(Code::kDisconnected, "cut"));
  };
  auto& stream = host.subscribe("subscribe_x");
  stream.rebuild();
  EXPECT_THAT(stream.events(), ElementsAre("\"after []\"", "\"after [c7]\""));
}

TEST_F(FakeHostTest, TakesExceptionsAsFailures) {
  plugin.script = [](Scripted&) { throw std::runtime_error("secret detail"); };
  auto& stream = host.subscribe("subscribe_x");
  ASSERT_THAT(stream.problems(), SizeIs(1));
  EXPECT_EQ(stream.problems()[0].code(), Code::kInternal);
  EXPECT_THAT(stream.problems()[0].what(), ::testing::Not(HasSubstr("secret")));
  EXPECT_THAT(host.logs().at(0).message, HasSubstr("secret detail"));
  plugin.script = [](Scripted&) { throw Error(Code::kNotFound, "no such unit"); };
  auto& other = host.subscribe("subscribe_x");
  EXPECT_EQ(other.problems().at(0).code(), Code::kNotFound);
  EXPECT_TRUE(other.ended());
}

TEST_F(FakeHostTest, EndsEverythingWithTheNode) {
  plugin.script = follow;
  auto& stream = host.subscribe("subscribe_x");
  host.lose_node();
  EXPECT_EQ(stream.problems().at(0).code(), Code::kDisconnected);
  EXPECT_TRUE(host.process(0).cancelled());
  stream.rebuild();
  EXPECT_EQ(host.processes(), 2U);
}

TEST_F(FakeHostTest, RetunesOnlyTheSameTopic) {
  auto& stream = host.subscribe("subscribe_x", R"({"mode":"a"})");
  stream.retune(R"({"mode":"a","interval":50})");
  EXPECT_THAT(stream.events(), ElementsAre("\"retuned to 50\""));
  EXPECT_THROW(stream.retune(R"({"mode":"b"})"), std::logic_error);
}

TEST_F(FakeHostTest, CountsLogsAndNotes) {
  plugin.script = [](Scripted& source) {
    source.context.count("lines", 3);
    source.context.count("lines");
    source.context.log(pillard::Level::kWarning, std::string(5000, 'x'));
    source.context.notice(Error(Code::kOverloaded, "slow"));
  };
  auto& stream = host.subscribe("subscribe_x");
  EXPECT_EQ(host.counters().at("lines"), 4);
  EXPECT_EQ(host.logs().at(0).message.size(), 4096U);
  EXPECT_THAT(stream.notices(), SizeIs(1));
}

TEST_F(FakeHostTest, AnswersCalls) {
  plugin.call_script = [](Answering& call) {
    call.run = call.call.after(5ms, [&] {
      call.call.reply(std::string("yes"));
      call.call.reply(std::string("no"));
    });
  };
  auto& call = host.call("ask");
  EXPECT_FALSE(call.ended());
  host.advance(5ms);
  EXPECT_EQ(call.reply(), "\"yes\"");
  EXPECT_TRUE(call.ended());
  EXPECT_FALSE(call.problem());
}

TEST_F(FakeHostTest, EndsCallsThatDoNotAnswer) {
  auto& call = host.call("ask");
  auto& left = host.call("ask");
  left.cancel();
  host.advance(100ms);
  EXPECT_EQ(call.problem()->code(), Code::kTimeout);
  EXPECT_FALSE(left.problem());
}

TEST_F(FakeHostTest, ReportsAHandleThatOutlivesItsSource) {
  Handle stolen;
  plugin.script = [&](Scripted& source) { stolen = source.context.after(1s, [] { FAIL(); }); };
  host.subscribe("subscribe_x").unsubscribe();
  host.advance(2s);
  EXPECT_THAT(host.take_failures(), ElementsAre(HasSubstr("a Handle outlives its owner: after(1000 ms)")));
}

TEST_F(FakeHostTest, ReportsAContextThatIsUsedAfterTheEnd) {
  plugin.script = [](Scripted& source) { source.on_stop = [&] { source.context.publish(std::string("last words")); }; };
  auto& stream = host.subscribe("subscribe_x");
  stream.unsubscribe();
  EXPECT_THAT(stream.events(), IsEmpty());
  EXPECT_THAT(host.take_failures(), ElementsAre("subscribe_x: publish() was called after the end"));
}

TEST_F(FakeHostTest, ReportsUseFromAnotherThread) {
  plugin.script = [](Scripted& source) { std::thread([&] { source.context.publish(std::string("x")); }).join(); };
  host.subscribe("subscribe_x");
  EXPECT_THAT(host.take_failures(), ElementsAre(HasSubstr("publish() was called from another thread")));
}

TEST_F(FakeHostTest, BringsTasksOfOtherThreadsHome) {
  plugin.script = [](Scripted& source) {
    const auto lane = source.context.lane();
    std::thread([lane, &source] { lane.post([&source] { source.context.publish(std::string("home")); }); }).join();
  };
  auto& stream = host.subscribe("subscribe_x");
  auto& left = host.subscribe("subscribe_x");
  left.unsubscribe();
  host.advance();
  EXPECT_THAT(stream.events(), ElementsAre("\"home\""));
  EXPECT_THAT(left.events(), IsEmpty());
}

TEST_F(FakeHostTest, ReportsWorkThatNeverComesToRest) {
  Function<void()> again;
  plugin.script = [&](Scripted& source) {
    again = [&] { source.next = source.context.after(0ms, [&] { again(); }); };
    again();
  };
  host.subscribe("subscribe_x");
  host.advance();
  EXPECT_THAT(host.take_failures(), ElementsAre(HasSubstr("never comes to rest")));
}

TEST_F(FakeHostTest, ReportsBadEventsMetricsAndArguments) {
  plugin.script = [](Scripted& source) {
    source.context.publish_json("{oops", "");
    source.context.count("Bad-Name");
    source.run = source.context.node().bytes(
        {.argv = {"cat", std::string("a\0b", 3)}}, [](std::string_view) {}, [](Exit) {});
  };
  host.subscribe("subscribe_x");
  EXPECT_THAT(host.take_failures(), ElementsAre(HasSubstr("no JSON"), HasSubstr("Bad-Name"), HasSubstr("NUL")));
}

TEST(RegistrarTest, RefusesOptionsOutOfTheirRanges) {
  struct Case {
    pillard::StreamOptions options;
    const char* message;
  };
  const std::vector<Case> cases{
      {{.subscribe = "", .unsubscribe = "u", .event = "e"}, "subscribe: expected a name"},
      {{.subscribe = "Sub", .unsubscribe = "u", .event = "e"}, "got \"Sub\""},
      {{.subscribe = std::string(65, 's'), .unsubscribe = "u", .event = "e"}, "1 to 64"},
      {{.subscribe = "s", .unsubscribe = "disconnect", .event = "e"}, "a name of the protocol"},
      {{.subscribe = "s", .unsubscribe = "u", .event = "error"}, "a name of the protocol"},
      {{.subscribe = "s", .unsubscribe = "s", .event = "e"}, "names of their own"},
      {{.subscribe = "s", .unsubscribe = "u", .event = "e", .replay = 10'001}, "replay"},
      {{.subscribe = "s", .unsubscribe = "u", .event = "e", .linger = -1ms}, "linger"},
  };
  class Plugin final : public pillard::Plugin {
   public:
    explicit Plugin(pillard::StreamOptions options) : options_(std::move(options)) {}
    void setup(pillard::Registrar& registrar, const pillard::Config&) override {
      registrar.stream<NoParams, pillard::Source>(
          options_, [](Context&, const NoParams&) { return std::make_unique<pillard::Source>(); });
    }

   private:
    pillard::StreamOptions options_;
  };
  for (const auto& one : cases) {
    FakeHost host;
    EXPECT_THAT([&] { host.load(std::make_unique<Plugin>(one.options)); },
                ::testing::ThrowsMessage<std::invalid_argument>(HasSubstr(one.message)));
  }
}

}  // namespace
