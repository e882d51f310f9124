#include "wire/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pillard::wire {
namespace {

const std::vector<std::string> kValid{"",
                                      "plain",
                                      std::string("\0", 1),
                                      "\x7F",
                                      "\xC2\x80",
                                      "\xDF\xBF",
                                      "\xE0\xA0\x80",
                                      "\xED\x9F\xBF",
                                      "\xEE\x80\x80",
                                      "\xEF\xBF\xBF",
                                      "\xF0\x90\x80\x80",
                                      "\xF4\x8F\xBF\xBF",
                                      "Hello-\xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-UTF-8!!"};

struct Bad {
  std::string text;
  std::size_t at;  // the first byte that can't be right; text.size() if only the end is missing
};
const std::vector<Bad> kBad{{"\x80", 0},
                            {"\xBF", 0},
                            {"\xC0\x80", 0},
                            {"\xC1\xBF", 0},
                            {"\xC2", 1},
                            {"\xC2z", 1},
                            {"\xE0\x9F\xBF", 1},
                            {"\xE2\x82", 2},
                            {"\xE2\x82z", 2},
                            {"\xED\xA0\x80", 1},
                            {"\xF0\x8F\xBF\xBF", 1},
                            {"\xF0\x9F\x98", 3},
                            {"\xF4\x90\x80\x80", 1},
                            {"\xF5\x80", 0},
                            {"\xFE", 0},
                            {"\xFF", 0},
                            {"\xCE\xBA\xE1\xBD\xB9\xF4\x90\x80\x80", 6}};

TEST(Utf8, AcceptsEveryWellFormedTextAtEveryOffset) {
  for (const auto& text : kValid) {
    for (std::size_t before = 0; before < 34; ++before) {
      EXPECT_TRUE(is_utf8(std::string(before, 'x') + text + std::string(20, 'x'))) << text;
    }
  }
}

TEST(Utf8, RefusesEveryIllFormedTextAtEveryOffset) {
  for (const auto& bad : kBad) {
    for (std::size_t before = 0; before < 34; ++before) {
      EXPECT_FALSE(is_utf8(std::string(before, 'x') + bad.text)) << bad.text;
      EXPECT_FALSE(is_utf8(std::string(before, 'x') + bad.text + std::string(20, 'x'))) << bad.text;
    }
  }
}

TEST(Utf8, FailsAtTheFirstByteThatCannotBeRight) {
  for (const auto& [text, at] : kBad) {
    Utf8Validator validator;
    for (std::size_t i = 0; i < text.size(); ++i) {
      EXPECT_EQ(validator.feed(text.substr(i, 1)), i < at) << text << " byte " << i;
    }
    EXPECT_FALSE(validator.complete());
  }
}

TEST(Utf8, AcceptsAnyCut) {
  for (const auto& text : kValid) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      Utf8Validator validator;
      EXPECT_TRUE(validator.feed(text.substr(0, cut)));
      EXPECT_TRUE(validator.feed(text.substr(cut)));
      EXPECT_TRUE(validator.complete());
    }
  }
}

TEST(Utf8, IsIncompleteInsideACharacter) {
  Utf8Validator validator;
  EXPECT_TRUE(validator.feed("\xF0\x9F"));
  EXPECT_FALSE(validator.complete());
  EXPECT_TRUE(validator.feed("\x98\x80"));
  EXPECT_TRUE(validator.complete());
}

TEST(Utf8, StaysFailedUntilReset) {
  Utf8Validator validator;
  EXPECT_FALSE(validator.feed("\xFF"));
  EXPECT_FALSE(validator.feed("fine"));
  validator.reset();
  EXPECT_TRUE(validator.feed("fine"));
}

}  // namespace
}  // namespace pillard::wire
