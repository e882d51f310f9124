#include "session/secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <concepts>
#include <cstring>
#include <ostream>
#include <sstream>
#include <utility>
#include <vector>

namespace pillard::session {
namespace {

template <class T>
concept Streams = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(Streams<std::string_view>);
static_assert(!Streams<Secret>, "a Secret must not be printed");
static_assert(!fmt::is_formattable<Secret>::value, "a Secret must not be formatted");
static_assert(!std::convertible_to<Secret, std::string_view> && !std::convertible_to<Secret, std::string>);
static_assert(!std::convertible_to<std::string, Secret>, "making a Secret is said aloud");
static_assert(std::is_nothrow_move_constructible_v<Secret> && std::is_nothrow_move_assignable_v<Secret>);

TEST(Secret, RevealsWhatItHolds) { EXPECT_EQ(Secret("hunter2").reveal(), "hunter2"); }
TEST(Secret, HoldsAnyBytes) { EXPECT_EQ(Secret(std::string_view("a\0b", 3)).reveal(), std::string_view("a\0b", 3)); }
TEST(Secret, IsEmptyByDefault) {
  EXPECT_TRUE(Secret().empty());
  EXPECT_EQ(Secret().reveal(), "");
  EXPECT_EQ(Secret(), Secret(""));
}
TEST(Secret, CopiesIntoMemoryOfItsOwn) {
  const Secret one("hunter2");
  const Secret two = one;  // NOLINT: the copy is what is tested
  EXPECT_EQ(one, two);
  EXPECT_NE(one.reveal().data(), two.reveal().data());
}
TEST(Secret, MovesWithoutACopy) {
  Secret one("pw");  // short enough for a std::string to copy it on every move
  const auto* const at = one.reveal().data();
  const Secret two = std::move(one);
  EXPECT_EQ(two.reveal().data(), at);
  EXPECT_TRUE(one.empty());  // NOLINT: the state after a move is promised
}
TEST(Secret, SurvivesItsOwnAssignment) {
  Secret secret("hunter2");
  const auto& same = secret;
  secret = same;
  EXPECT_EQ(secret.reveal(), "hunter2");
}
TEST(Secret, TakesATextAwayFromItsOwner) {
  for (std::string text : {std::string("short"), std::string(100, 'x')}) {
    const auto before = text;
    const auto* const at = text.data();
    const auto secret = Secret::take(text);
    EXPECT_EQ(secret.reveal(), before);
    EXPECT_TRUE(text.empty());
    EXPECT_EQ(std::string(at, before.size()), std::string(before.size(), '\0'));
  }
}
TEST(Secret, WipesWhatALongerTextLeftBehind) {
  std::string text = "a password of some length, longer than what follows it";
  const auto size = text.size();
  text = "x";
  const auto* const at = text.data();
  wipe(text);
  EXPECT_EQ(std::string(at, size), std::string(size, '\0'));
}
TEST(Secret, TellsDifferentTextsApart) {
  EXPECT_EQ(Secret("hunter2"), Secret("hunter2"));
  EXPECT_NE(Secret("hunter2"), Secret("hunter3"));
  EXPECT_NE(Secret("hunter2"), Secret("Hunter2"));
  EXPECT_NE(Secret("hunter2"), Secret("hunter22"));
  EXPECT_NE(Secret("hunter2"), Secret());
}

}  // namespace
}  // namespace pillard::session
