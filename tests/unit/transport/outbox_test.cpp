#include "transport/outbox.h"

#include <gtest/gtest.h>

#include <random>

namespace pillard::transport {
namespace {

/// Takes so many bytes a call, so many in all, and then blocks.
class FakeSink final : public Sink {
 public:
  Result write(std::span<iovec> parts, std::size_t& written) override {
    ++calls;
    most_parts = std::max(most_parts, parts.size());
    if (broken) return Result::kBroken;
    if (room == 0) return Result::kBlocked;
    std::size_t left = std::min(room, a_call);
    for (const auto& part : parts) {
      const auto take = std::min(left, part.iov_len);
      got.append(static_cast<const char*>(part.iov_base), take);
      written += take;
      left -= take;
    }
    room -= written;
    return Result::kOk;
  }
  std::string got;
  std::size_t room = std::string::npos;
  std::size_t a_call = std::string::npos;
  std::size_t most_parts = 0;
  int calls = 0;
  bool broken = false;
};

SharedBatch frame(std::string bytes) { return fanout::single(std::move(bytes)); }

SharedBatch lines(const std::vector<std::string>& texts) {
  fanout::Batch batch;
  for (const auto& text : texts) {
    batch.bytes += text;
    batch.ends.push_back(static_cast<std::uint32_t>(batch.bytes.size()));
  }
  return std::make_shared<const fanout::Batch>(std::move(batch));
}

class GapEncoder final : public fanout::Encoder {
 public:
  void encode(std::string& out, const fanout::Label& label, std::string_view json, std::string_view) const override {
    const auto event = label.type;
    out += '<' + std::string(event) + std::string(json) + '>';
  }
};

const GapEncoder kEncoder;
const StreamOptions kLogs{.subscribe = "s", .unsubscribe = "u", .event = "e", .gap = "gap"};
const StreamOptions kStatus{
    .subscribe = "s", .unsubscribe = "u", .event = "e", .gap = "gap", .overflow = Overflow::kNewest};

TEST(Outbox, WritesAllThatWaitsWithOneCall) {
  Outbox outbox;
  FakeSink sink;
  for (const auto* text : {"one ", "two ", "three"}) outbox.push(frame(text));
  EXPECT_EQ(outbox.bytes(), 13U);
  EXPECT_EQ(outbox.flush(sink), Sink::Result::kOk);
  EXPECT_EQ(sink.got, "one two three");
  EXPECT_EQ(sink.calls, 1);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.cost(), 0U);
  EXPECT_EQ(outbox.control_cost(), 0U);
}

TEST(Outbox, DoesNotTroubleTheSinkForNothing) {
  Outbox outbox;
  FakeSink sink;
  EXPECT_EQ(outbox.flush(sink), Sink::Result::kOk);
  EXPECT_EQ(sink.calls, 0);
}

TEST(Outbox, GoesOnAfterACutAtAnyByte) {
  const std::string whole = "abcdefghij";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    Outbox outbox;
    FakeSink sink;
    for (const auto* text : {"a", "bcd", "efghi", "j"}) outbox.push(frame(text));
    sink.room = cut;
    EXPECT_EQ(outbox.flush(sink), cut == whole.size() ? Sink::Result::kOk : Sink::Result::kBlocked);
    EXPECT_EQ(outbox.bytes(), whole.size() - cut);
    outbox.push(frame("kl"));
    sink.room = std::string::npos;
    EXPECT_EQ(outbox.flush(sink), Sink::Result::kOk);
    EXPECT_EQ(sink.got, whole + "kl") << "cut at " << cut;
  }
}

TEST(Outbox, GoesOnWithASinkThatTakesLittle) {
  for (std::size_t step = 1; step <= 7; ++step) {
    Outbox outbox;
    FakeSink sink;
    sink.a_call = step;
    std::string expected;
    for (int i = 0; i < 20; ++i) {
      outbox.push(frame(std::string(static_cast<std::size_t>(i), static_cast<char>('a' + i))));
      expected += std::string(static_cast<std::size_t>(i), static_cast<char>('a' + i));
    }
    EXPECT_EQ(outbox.flush(sink), Sink::Result::kOk);
    EXPECT_EQ(sink.got, expected);
  }
}

TEST(Outbox, WritesMoreEntriesThanOneCallTakes) {
  Outbox outbox;
  FakeSink sink;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    outbox.push(frame(std::to_string(i)));
    expected += std::to_string(i);
  }
  EXPECT_EQ(outbox.flush(sink), Sink::Result::kOk);
  EXPECT_EQ(sink.got, expected);
  EXPECT_EQ(sink.calls, 4);
  EXPECT_EQ(sink.most_parts, 256U);
}

TEST(Outbox, KeepsNoBatchThatIsGone) {
  Outbox outbox;
  FakeSink sink;
  const auto shared = frame("shared");
  outbox.push(shared);
  outbox.push(frame("rest"));
  sink.room = 6;
  EXPECT_EQ(outbox.flush(sink), Sink::Result::kBlocked);
  EXPECT_EQ(shared.use_count(), 1);
}

TEST(Outbox, StaysInOrderForAReaderThatIsAlwaysALittleBehind) {
  Outbox outbox;
  FakeSink sink;
  std::string expected;
  sink.room = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto text = std::to_string(i) + ' ';
    expected += text;
    sink.room += text.size();
    outbox.push(frame(std::move(text)));
    if (i == 0) sink.room -= 1;  // never quite all
    if (i % 100 == 99) outbox.flush(sink);
  }
  EXPECT_EQ(outbox.bytes(), 1U);
  sink.room = std::string::npos;
  EXPECT_EQ(outbox.flush(sink), Sink::Result::kOk);
  EXPECT_EQ(sink.got, expected);
}

TEST(Outbox, SaysThatTheSinkIsBroken) {
  Outbox outbox;
  FakeSink sink;
  sink.broken = true;
  outbox.push(frame("x"));
  EXPECT_EQ(outbox.flush(sink), Sink::Result::kBroken);
  EXPECT_EQ(outbox.bytes(), 1U);
}

TEST(Outbox, TakesNoEmptyFrame) {
  Outbox outbox;
  FakeSink sink;
  for (const auto* text : {"", "a", "", "b", ""}) outbox.push(frame(text));
  EXPECT_EQ(outbox.size(), 2U);
  EXPECT_EQ(outbox.flush(sink), Sink::Result::kOk);
  EXPECT_EQ(sink.got, "ab");
}

/// Overflow.
class OutboxOverflow : public testing::Test {
 protected:
  std::string rest() {
    sink.room = std::string::npos;
    sink.got.clear();
    EXPECT_EQ(outbox.flush(sink), Sink::Result::kOk);
    EXPECT_EQ(outbox.cost(), 0U);
    EXPECT_EQ(outbox.control_cost(), 0U);
    return sink.got;
  }
  void begin(std::size_t bytes) {
    sink.room = bytes;
    EXPECT_EQ(outbox.flush(sink), Sink::Result::kBlocked);
  }
  Outbox outbox;
  FakeSink sink;
  const Flow logs{kLogs, R"({"service":"a"})", kEncoder};
  const Flow others{kLogs, "{}", kEncoder};
  const Flow status{kStatus, "{}", kEncoder};
};

TEST_F(OutboxOverflow, TellsHowManyLinesItDroppedInTheirPlace) {
  outbox.push(frame("ack1 "));
  outbox.push(lines({"1 ", "2 "}), logs);
  outbox.push(frame("ack2 "));
  outbox.push(lines({"3 "}), logs);
  EXPECT_EQ(outbox.shed(0), 3U);
  EXPECT_EQ(rest(), R"(ack1 <gap{"service":"a","dropped":3}>ack2 )");
}

TEST_F(OutboxOverflow, DropsTheOldestLinesAndNoMoreThanNeeded) {
  outbox.push(lines({"1 ", "2 ", "3 ", "4 "}), logs);
  outbox.push(lines({"5 "}), logs);
  EXPECT_EQ(outbox.shed(outbox.cost() - 3), 2U);
  EXPECT_EQ(rest(), R"(<gap{"service":"a","dropped":2}>3 4 5 )");
}

TEST_F(OutboxOverflow, AddsToTheGapThatIsThereAlready) {
  outbox.push(lines({"1 ", "2 ", "3 ", "4 "}), logs);
  EXPECT_EQ(outbox.shed(outbox.cost() - 1), 1U);
  outbox.push(lines({"5 "}), logs);
  EXPECT_EQ(outbox.shed(outbox.cost() - 1), 1U);
  EXPECT_EQ(outbox.shed(outbox.cost() - 3), 2U);
  outbox.push(lines({"6 "}), logs);
  EXPECT_EQ(rest(), R"(<gap{"service":"a","dropped":4}>5 6 )");
}

TEST_F(OutboxOverflow, CountsEachStreamByItself) {
  outbox.push(lines({"1 "}), logs);
  outbox.push(lines({"a "}), others);
  outbox.push(lines({"2 "}), logs);
  outbox.push(lines({"b "}), others);
  EXPECT_EQ(outbox.shed(0), 4U);
  EXPECT_EQ(rest(), R"(<gap{"service":"a","dropped":2}><gap{"dropped":2}>)");
}

TEST_F(OutboxOverflow, FinishesTheBatchThatWasBegun) {
  outbox.push(lines({"one ", "two "}), logs);
  outbox.push(lines({"three "}), logs);
  begin(2);
  EXPECT_EQ(outbox.shed(0), 1U);
  EXPECT_EQ(rest(), R"(e two <gap{"service":"a","dropped":1}>)");
}

TEST_F(OutboxOverflow, NeverDropsAnswersAndStates) {
  outbox.push(frame("ack "));
  outbox.push(lines({"up "}), status);
  EXPECT_EQ(outbox.shed(0), 0U);
  EXPECT_EQ(rest(), "ack up ");
}

TEST_F(OutboxOverflow, KeepsTheNewestOfAStateWhereItBelongs) {
  outbox.push(frame("first "));
  outbox.push(lines({"up "}), status);
  outbox.push(frame("error "));
  outbox.push(lines({"down "}), status);
  EXPECT_EQ(outbox.size(), 3U);
  EXPECT_EQ(rest(), "first error down ");
}

TEST_F(OutboxOverflow, DoesNotReplaceAStateThatWasBegun) {
  outbox.push(lines({"up "}), status);
  begin(1);
  outbox.push(lines({"reloading "}), status);
  outbox.push(lines({"down "}), status);
  EXPECT_EQ(rest(), "p down ");
}

TEST_F(OutboxOverflow, SaysHowManyEventsAStateReplaced) {
  fanout::Batch many{.bytes = "abc", .ends = {1, 2, 3}, .events = {1, 2, 4}};
  EXPECT_EQ(outbox.push(std::make_shared<const fanout::Batch>(std::move(many)), status), 0U);
  EXPECT_EQ(outbox.push(lines({"up "}), others), 0U);
  EXPECT_EQ(outbox.push(lines({"down "}), status), 7U);
  begin(1);  // of the lines, which are first now
  EXPECT_EQ(outbox.push(lines({"gone "}), status), 1U);
  EXPECT_EQ(rest(), "p gone ");
  outbox.push(lines({"up "}), status);
  begin(1);
  EXPECT_EQ(outbox.push(lines({"down "}), status), 0U) << "what was begun arrives";
  EXPECT_EQ(rest(), "p down ");
}

TEST_F(OutboxOverflow, SaysOfWhichStreamsItDropped) {
  outbox.push(lines({"1 ", "2 "}), logs);
  outbox.push(lines({"a "}), others);
  outbox.gap(logs, 7);
  outbox.push(lines({"3 "}), logs);
  std::vector<Outbox::Lost> lost;
  EXPECT_EQ(outbox.shed(0, &lost), 4U);
  ASSERT_EQ(lost.size(), 2U);
  EXPECT_EQ(lost[0].flow, &logs);
  EXPECT_EQ(lost[0].events, 3U) << "not those that were told already";
  EXPECT_EQ(lost[1].flow, &others);
  EXPECT_EQ(lost[1].events, 1U);
}

TEST_F(OutboxOverflow, TellsWhatWasDroppedElsewhere) {
  outbox.push(lines({"1 "}), logs);
  outbox.gap(logs, 7);
  outbox.gap(logs, 1);
  outbox.push(lines({"9 "}), logs);
  outbox.gap(status, 5);
  EXPECT_EQ(rest(), R"(1 <gap{"service":"a","dropped":8}>9 )");
}

TEST_F(OutboxOverflow, JoinsGapsWhenTheLinesBetweenThemGo) {
  outbox.gap(logs, 7);
  outbox.push(lines({"1 "}), logs);
  outbox.gap(logs, 2);
  outbox.push(lines({"2 "}), logs);
  EXPECT_EQ(outbox.shed(0), 2U);
  EXPECT_EQ(rest(), R"(<gap{"service":"a","dropped":11}>)");
}

TEST_F(OutboxOverflow, ForgetsAStreamThatItsClientLeft) {
  outbox.push(lines({"1 "}), logs);
  outbox.gap(logs, 7);
  outbox.push(lines({"a "}), others);
  outbox.push(lines({"2 "}), logs);
  outbox.forget(logs, false);
  EXPECT_EQ(rest(), "a ");
}

TEST_F(OutboxOverflow, DeliversTheRestOfAStreamThatEnded) {
  outbox.push(lines({"1 "}), logs);
  outbox.gap(logs, 7);
  outbox.push(lines({"2 "}), logs);
  outbox.forget(logs, true);
  EXPECT_EQ(outbox.shed(0), 0U);
  EXPECT_EQ(rest(), R"(1 <gap{"service":"a","dropped":7}>2 )");
}

TEST_F(OutboxOverflow, FinishesTheBegunBatchOfAForgottenStream) {
  outbox.push(lines({"one ", "two "}), logs);
  begin(1);
  outbox.push(lines({"three "}), logs);
  outbox.forget(logs, false);
  EXPECT_EQ(rest(), "ne two ");
}

TEST_F(OutboxOverflow, ClearsAllButTheBegunBatch) {
  outbox.push(lines({"one ", "two "}), logs);
  outbox.push(frame("ack "));
  outbox.gap(logs, 1);
  begin(1);
  outbox.clear();
  EXPECT_EQ(rest(), "ne two ");
}

TEST_F(OutboxOverflow, ShedsNoMoreThanItMustHoweverSmallTheBatches) {
  for (int i = 0; i < 1000; ++i) outbox.push(lines({std::string(60, 'x')}), logs);
  const auto most = outbox.cost() * 3 / 4;
  EXPECT_NEAR(static_cast<double>(outbox.shed(most)), 250, 3);
  EXPECT_LE(outbox.waiting_cost(), most);
}

TEST_F(OutboxOverflow, DoesNotCountWhatWasBegun) {
  outbox.push(lines({std::string(5000, 'x')}), logs);
  begin(1);
  outbox.push(frame("ack "));
  EXPECT_EQ(outbox.cost() - outbox.waiting_cost(), 4999U + 128U);
  outbox.push(lines({"1 "}), logs);
  EXPECT_EQ(outbox.shed(1000), 0U) << "there is room for what waits";
}

TEST_F(OutboxOverflow, KeepsTheNewestOfALongRestThatEnded) {
  for (int i = 0; i < 100; ++i) outbox.push(lines({std::string(1000, 'x'), "y"}), logs);
  outbox.forget(logs, true);
  EXPECT_LE(outbox.control_cost(), 64U * 1024 + 66 * 128);
  const auto told = rest();
  EXPECT_TRUE(told.starts_with(R"(<gap{"service":"a","dropped":70}>xxx)")) << told.substr(0, 60);
}

TEST_F(OutboxOverflow, DeliversTheLastStateOfAStreamThatEndedHoweverLarge) {
  const std::string state(100'000, 's');
  outbox.push(lines({state}), status);
  outbox.forget(status, true);
  EXPECT_EQ(rest(), state);
}

TEST_F(OutboxOverflow, StaysBoundedAndInOrderWhateverHappens) {
  std::mt19937 random(7);
  constexpr std::size_t kMost = 3000;
  std::size_t next = 0;       // of the lines
  std::uint64_t dropped = 0;  // as the outbox says
  sink.room = 0;
  for (int step = 0; step < 20'000; ++step) {
    std::vector<std::string> texts;
    for (unsigned n = random() % 5 + 1; n > 0; --n) texts.push_back('[' + std::to_string(next++) + ']');
    outbox.push(lines(texts), logs);
    if (random() % 10 == 0) outbox.push(frame("(a)"));
    if (outbox.cost() > kMost) dropped += outbox.shed(kMost - kMost / 4);
    ASSERT_LE(outbox.waiting_cost(), kMost + 1000);
    sink.room = random() % 40;
    outbox.flush(sink);
  }
  sink.room = std::string::npos;
  outbox.flush(sink);
  // Each line once and in order, or in a gap.
  std::size_t expected = 0;
  std::uint64_t told = 0;
  for (std::size_t at = 0; at < sink.got.size();) {
    const auto end = sink.got.find_first_of("])>", at);
    ASSERT_NE(end, std::string::npos);
    const auto item = sink.got.substr(at, end - at + 1);
    at = end + 1;
    if (item.front() == '[') {
      ASSERT_EQ(item, '[' + std::to_string(expected) + ']');
      ++expected;
    } else if (item.front() == '<') {
      const auto count = std::stoull(item.substr(item.find("dropped") + 9));
      told += count;
      expected += count;
    }
  }
  EXPECT_EQ(expected, next);
  EXPECT_EQ(told, dropped);
  EXPECT_GT(dropped, 0U);
}

}  // namespace
}  // namespace pillard::transport
