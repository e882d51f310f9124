#include "observe/ids.h"

#include <gmock/gmock.h>

#include <limits>

namespace pillard::observe {
namespace {

TEST(Base36, CountsWithDigitsAndLetters) {
  EXPECT_EQ(base36(0), "0");
  EXPECT_EQ(base36(35), "z");
  EXPECT_EQ(base36(36), "10");
  EXPECT_EQ(base36(std::numeric_limits<std::uint64_t>::max()), "3w5e11264sgsf");
}

TEST(Ids, StartAtOneAndNeverRepeat) {
  Ids ids;
  EXPECT_EQ(ids.next(), 1u);
  EXPECT_EQ(ids.next(), 2u);
}

}  // namespace
}  // namespace pillard::observe
