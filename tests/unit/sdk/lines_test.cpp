#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pillard/node.h"

namespace {

using pillard::Command;
using pillard::Exit;
using pillard::Function;
using pillard::Handle;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A node with one program, whose callbacks go with their Handle, even while one of them runs.
class OneProgram final : public pillard::Node {
 public:
  struct Callbacks {
    Function<void(std::string_view)> data;
    Function<void(Exit)> done;
  };
  class Work final : public Handle::Work {
   public:
    Work(std::unique_ptr<Callbacks> callbacks, OneProgram& node) : callbacks_(std::move(callbacks)), node_(node) {}
    ~Work() override {
      if (active()) node_.callbacks = nullptr;
    }
    bool active() const noexcept override { return node_.callbacks == callbacks_.get(); }

   private:
    std::unique_ptr<Callbacks> callbacks_;
    OneProgram& node_;
  };
  Handle exec(Command, Function<void(Exit)>) override { return {}; }
  Handle bytes(Command, Function<void(std::string_view)> data, Function<void(Exit)> done) override {
    auto made = std::make_unique<Callbacks>(Callbacks{std::move(data), std::move(done)});
    callbacks = made.get();
    return Handle(std::make_unique<Work>(std::move(made), *this));
  }
  /// A copy that is gone after the call, so that a kept view is found.
  void out(const std::string& bytes) const {
    if (callbacks) callbacks->data(std::string(bytes));
  }
  Callbacks* callbacks = nullptr;  // of the program that runs
};

class LinesTest : public ::testing::Test {
 protected:
  void start(std::size_t max_line = 1024 * 1024) {
    handle = node.lines(
        {.argv = {"x"}}, [this](std::string_view line) { lines.emplace_back(line); },
        [this](Exit exit) { lines.push_back("exit " + std::to_string(exit.status)); }, max_line);
  }
  void end() {
    Exit exit;
    exit.status = 3;
    if (node.callbacks) node.callbacks->done(std::move(exit));
  }
  OneProgram node;
  std::vector<std::string> lines;
  Handle handle;
};

TEST_F(LinesTest, PartsLines) {
  start();
  node.out("one\ntwo\n\n three \r\n");
  EXPECT_THAT(lines, ElementsAre("one", "two", "", " three \r"));
}

TEST_F(LinesTest, JoinsALineThatWasCutAnywhere) {
  const std::string text = "one\ntwo \xC3\xA9\n\nthree\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    lines.clear();
    start();
    node.out(text.substr(0, cut));
    node.out(text.substr(cut));
    EXPECT_THAT(lines, ElementsAre("one", "two \xC3\xA9", "", "three")) << cut;
  }
}

TEST_F(LinesTest, JoinsSingleBytes) {
  start();
  for (const char c : std::string("ab\n\ncd\n")) node.out(std::string(1, c));
  EXPECT_THAT(lines, ElementsAre("ab", "", "cd"));
}

TEST_F(LinesTest, HandsOverALastLineWithoutItsEnd) {
  start();
  node.out("one\ntw");
  node.out("o");
  end();
  EXPECT_THAT(lines, ElementsAre("one", "two", "exit 3"));
}

TEST_F(LinesTest, MakesNoLineOfNothing) {
  start();
  end();
  EXPECT_THAT(lines, ElementsAre("exit 3"));
}

TEST_F(LinesTest, CutsALineThatIsTooLong) {
  start(4);
  node.out("abcdefghij\nklmn\nop");
  node.out("qrst\n");
  EXPECT_THAT(lines, ElementsAre("abcd", "efgh", "ij", "klmn", "opqr", "st"));
}

TEST_F(LinesTest, MakesOneLineOfExactlyTheLargestSize) {
  start(4);
  node.out("abcd");
  EXPECT_THAT(lines, IsEmpty());
  node.out("\nefgh\n");
  EXPECT_THAT(lines, ElementsAre("abcd", "efgh"));
}

TEST_F(LinesTest, IsSilentOnceItsHandleIsGone) {
  start();
  EXPECT_TRUE(handle.active());
  node.out("on");
  handle.cancel();
  EXPECT_FALSE(handle.active());
  EXPECT_EQ(node.callbacks, nullptr);
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(LinesTest, MayLoseItsHandleInsideALine) {
  const auto alive = std::make_shared<std::string>("still here");
  for (const std::string begun : {"", "a"}) {
    lines.clear();
    handle = node.lines(
        {.argv = {"x"}},
        [this, alive](std::string_view line) {
          handle.cancel();
          lines.push_back(std::string(line) + " " + *alive);
        },
        [](Exit) {});
    node.out(begun);
    node.out("one\ntwo\nthree\n");
    EXPECT_THAT(lines, ElementsAre(begun + "one still here"));
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(LinesTest, MayLoseItsHandleInsideAPieceOfALine) {
  handle = node.lines(
      {.argv = {"x"}},
      [this](std::string_view line) {
        lines.emplace_back(line);
        handle.cancel();
      },
      [](Exit) {}, 2);
  node.out("abcdef\n");
  EXPECT_THAT(lines, ElementsAre("ab"));
}

TEST_F(LinesTest, MayLoseItsHandleInTheLastLineAndIsNotDoneThen) {
  handle = node.lines(
      {.argv = {"x"}}, [this](std::string_view) { handle.cancel(); }, [this](Exit) { lines.emplace_back("done"); });
  node.out("last");
  end();
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(LinesTest, MayBeStartedAnewWhenDone) {
  handle = node.lines(
      {.argv = {"x"}}, [](std::string_view) {}, [this](Exit) { start(); });
  end();
  node.out("again\n");
  EXPECT_THAT(lines, ElementsAre("again"));
}

}  // namespace
