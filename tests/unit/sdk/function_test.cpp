#include "pillard/function.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

namespace {

using pillard::Function;

TEST(FunctionTest, IsEmptyUntilItHoldsSomething) {
  Function<void()> fn;
  EXPECT_FALSE(fn);
  fn = [] {};
  EXPECT_TRUE(fn);
  fn = nullptr;
  EXPECT_FALSE(fn);
}

TEST(FunctionTest, OwnsWhatItCaptures) {
  auto owned = std::make_shared<int>(5);
  {
    Function<int()> fn = [owned] { return *owned; };
    EXPECT_EQ(fn(), 5);
    EXPECT_EQ(owned.use_count(), 2);
  }
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(FunctionTest, TakesCallablesThatOnlyMove) {
  Function<int(int)> fn = [held = std::make_unique<int>(2)](int by) { return *held * by; };
  Function<int(int)> moved = std::move(fn);
  EXPECT_EQ(moved(3), 6);
}

TEST(FunctionTest, MovesSmallAndLargeCallables) {
  const auto counted = std::make_shared<int>(1);
  Function<long()> small = [counted] { return counted.use_count(); };
  Function<long()> large = [counted, ballast = std::array<char, 200>{}] { return counted.use_count() + ballast[0]; };
  Function<long()> other = std::move(small);
  other = std::move(large);
  EXPECT_EQ(other(), 2);
}

TEST(FunctionTest, SurvivesBeingAssignedToItself) {
  Function<int()> fn = [] { return 7; };
  auto& same = fn;
  fn = std::move(same);
  EXPECT_EQ(fn(), 7);
}

TEST(FunctionTest, HandsArgumentsOnWithoutACopy) {
  Function<std::unique_ptr<int>(std::unique_ptr<int>)> fn = [](std::unique_ptr<int> value) { return value; };
  EXPECT_EQ(*fn(std::make_unique<int>(9)), 9);
}

TEST(FunctionTest, LetsExceptionsThrough) {
  Function<void()> fn = [] { throw std::string("x"); };
  EXPECT_THROW(fn(), std::string);
}

}  // namespace
