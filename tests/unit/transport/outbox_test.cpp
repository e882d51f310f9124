#include "transport/outbox.h"

#include <gtest/gtest.h>

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

Frame frame(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

TEST(Outbox, WritesAllThatWaitsWithOneCall) {
  Outbox outbox;
  FakeSink sink;
  for (const auto* text : {"one ", "two ", "three"}) outbox.push(frame(text));
  EXPECT_EQ(outbox.bytes(), 13U);
  EXPECT_EQ(outbox.flush(sink), Sink::Result::kOk);
  EXPECT_EQ(sink.got, "one two three");
  EXPECT_EQ(sink.calls, 1);
  EXPECT_TRUE(outbox.empty());
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

TEST(Outbox, KeepsNoFrameThatIsGone) {
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

TEST(Outbox, TakesAnEmptyFrame) {
  Outbox outbox;
  FakeSink sink;
  for (const auto* text : {"", "a", "", "b", ""}) outbox.push(frame(text));
  EXPECT_EQ(outbox.flush(sink), Sink::Result::kOk);
  EXPECT_EQ(sink.got, "ab");
}

}  // namespace
}  // namespace pillard::transport
