#include "ssh/bcrypt.h"

#include <gtest/gtest.h>

#include <string>

namespace pillard::ssh {
namespace {

std::string hex(const session::Secret& secret) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : secret.reveal()) {
    text += kDigits[static_cast<unsigned char>(c) >> 4U];
    text += kDigits[static_cast<unsigned char>(c) & 15U];
  }
  return text;
}

TEST(Bcrypt, DerivesWhatOtherImplementationsDerive) {
  EXPECT_EQ(hex(bcrypt_pbkdf("password", "salt", 12, 32)),
            "1ae42c05d487bc02f64921a4ebe4ea93bcacfe135fda99974c06b7b01fae149a");
}
// Real files that are opened with such keys: private_key_test.cpp.
TEST(Bcrypt, DependsOnAllThatItIsGiven) {
  const auto key = bcrypt_pbkdf("secret", "salt", 2, 48);
  EXPECT_EQ(key.size(), 48U);
  EXPECT_TRUE(key == bcrypt_pbkdf("secret", "salt", 2, 48));
  EXPECT_FALSE(key == bcrypt_pbkdf("Secret", "salt", 2, 48));
  EXPECT_FALSE(key == bcrypt_pbkdf("secret", "Salt", 2, 48));
  EXPECT_FALSE(key == bcrypt_pbkdf("secret", "salt", 1, 48));
}
TEST(Bcrypt, MakesKeysOfAnyLength) {
  for (const std::size_t size : {1U, 31U, 32U, 33U, 40U, 64U, 100U})
    EXPECT_EQ(bcrypt_pbkdf("secret", "salt", 1, size).size(), size);
}

}  // namespace
}  // namespace pillard::ssh
