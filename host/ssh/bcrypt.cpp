#include "ssh/bcrypt.h"

#include <openssl/bn.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace pillard::ssh {

namespace {

using Word = std::uint32_t;
using Digest = std::array<unsigned char, SHA512_DIGEST_LENGTH>;
using Words = std::array<Word, SHA512_DIGEST_LENGTH / 4>;  // of a digest, big-endian

constexpr std::size_t kBlock = 32;  // bytes that one hash yields

Word word_at(const unsigned char* bytes) {
  return Word{bytes[0]} << 24U | Word{bytes[1]} << 16U | Word{bytes[2]} << 8U | Word{bytes[3]};
}

/// Bruce Schneier's cipher. Its state before any key is the fraction of pi in binary.
struct Blowfish {
  std::array<Word, 18> whitening;
  std::array<std::array<Word, 256>, 4> boxes;

  static const Blowfish& initial();

  void encipher(Word& left, Word& right) const {
    for (std::size_t round = 0; round < 16; ++round) {
      left ^= whitening[round];
      right ^= ((boxes[0][left >> 24U] + boxes[1][left >> 16U & 255U]) ^ boxes[2][left >> 8U & 255U]) +
               boxes[3][left & 255U];
      std::swap(left, right);
    }
    std::swap(left, right);
    right ^= whitening[16];
    left ^= whitening[17];
  }

  /// The expensive key schedule of bcrypt; with a salt of zeros it is Blowfish's own.
  void expand(const Words& key, const Words& salt) {
    for (std::size_t i = 0; i < whitening.size(); ++i) whitening[i] ^= key[i % key.size()];
    Word left = 0;
    Word right = 0;
    std::size_t at = 0;
    const auto refill = [&](auto& table) {
      for (std::size_t i = 0; i < table.size(); i += 2) {
        left ^= salt[at++ % salt.size()];
        right ^= salt[at++ % salt.size()];
        encipher(left, right);
        table[i] = left;
        table[i + 1] = right;
      }
    };
    refill(whitening);
    for (auto& box : boxes) refill(box);
  }
};

struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
using Number = std::unique_ptr<BIGNUM, FreeNumber>;

/// The angle whose tangent is 1/x, times 2^bits.
Number inverse_tangent(BN_ULONG x, int bits) {
  Number power(BN_new());
  Number term(BN_new());
  Number sum(BN_new());
  if (!power || !term || !sum) throw std::bad_alloc();
  BN_set_bit(power.get(), bits);
  BN_div_word(power.get(), x);
  for (BN_ULONG divisor = 1; BN_is_zero(power.get()) == 0; divisor += 2) {
    BN_copy(term.get(), power.get());
    BN_div_word(term.get(), divisor);
    divisor % 4 == 1 ? BN_add(sum.get(), sum.get(), term.get()) : BN_sub(sum.get(), sum.get(), term.get());
    BN_div_word(power.get(), x * x);
  }
  return sum;
}

/// Computed (Machin: pi/4 = 4 atan 1/5 - atan 1/239) rather than written down in a thousand constants.
Blowfish from_pi() {
  constexpr std::size_t kBytes = sizeof(Blowfish);
  constexpr int kGuard = 64;  // bits that rounding may spoil
  constexpr int kBits = static_cast<int>(8 * kBytes) + kGuard;
  const auto pi = inverse_tangent(5, kBits);
  const auto rest = inverse_tangent(239, kBits);
  BN_lshift(pi.get(), pi.get(), 2);
  BN_sub(pi.get(), pi.get(), rest.get());
  BN_lshift(pi.get(), pi.get(), 2);
  BN_mask_bits(pi.get(), kBits);  // without the three
  BN_rshift(pi.get(), pi.get(), kGuard);
  std::array<unsigned char, kBytes> bytes{};
  if (BN_bn2binpad(pi.get(), bytes.data(), static_cast<int>(kBytes)) != static_cast<int>(kBytes))
    throw std::bad_alloc();

  Blowfish state{};
  const auto* at = bytes.data();
  const auto fill = [&at](auto& table) {
    for (auto& word : table) {
      word = word_at(at);
      at += 4;
    }
  };
  fill(state.whitening);
  for (auto& box : state.boxes) fill(box);
  return state;
}

const Blowfish& Blowfish::initial() {
  static const Blowfish kState = from_pi();
  return kState;
}

Digest sha512(std::string_view text) {
  Digest digest{};
  SHA512(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

Words words_of(Digest digest) {
  Words words{};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = word_at(&digest[4 * i]);
  explicit_bzero(digest.data(), digest.size());
  return words;
}

using Block = std::array<unsigned char, kBlock>;

/// bcrypt with a fixed cost and a text of its own.
Block hash(const Words& passphrase, const Words& salt) {
  constexpr std::string_view kText = "OxychromaticBlowfishSwatDynamite";
  constexpr Words kNoSalt{};
  auto state = Blowfish::initial();
  state.expand(passphrase, salt);
  for (int i = 0; i < 64; ++i) {
    state.expand(salt, kNoSalt);
    state.expand(passphrase, kNoSalt);
  }
  Block block{};
  for (std::size_t at = 0; at < kBlock; at += 8) {
    auto left = word_at(reinterpret_cast<const unsigned char*>(kText.data()) + at);
    auto right = word_at(reinterpret_cast<const unsigned char*>(kText.data()) + at + 4);
    for (int i = 0; i < 64; ++i) state.encipher(left, right);
    for (std::size_t i = 0; i < 4; ++i) {
      block[at + i] = static_cast<unsigned char>(left >> 8 * i);  // little-endian, unlike all else here
      block[at + 4 + i] = static_cast<unsigned char>(right >> 8 * i);
    }
  }
  explicit_bzero(&state, sizeof state);
  return block;
}

std::string_view view(const Block& block) { return {reinterpret_cast<const char*>(block.data()), block.size()}; }

}  // namespace

session::Secret bcrypt_pbkdf(std::string_view passphrase, std::string_view salt, unsigned rounds, std::size_t size) {
  std::string key(size, '\0');
  auto words = words_of(sha512(passphrase));
  const auto blocks = (size + kBlock - 1) / kBlock;
  for (std::size_t number = 1; number <= blocks; ++number) {
    std::string salted(salt);
    for (unsigned shift = 32; shift != 0; shift -= 8) salted += static_cast<char>(number >> (shift - 8) & 0xffU);
    auto block = hash(words, words_of(sha512(salted)));
    auto sum = block;
    for (unsigned round = 1; round < rounds; ++round) {
      block = hash(words, words_of(sha512(view(block))));
      for (std::size_t i = 0; i < kBlock; ++i) sum[i] ^= block[i];
    }
    // Each block's bytes are spread over the whole key.
    for (std::size_t i = 0; i < kBlock; ++i)
      if (const auto at = i * blocks + number - 1; at < size) key[at] = static_cast<char>(sum[i]);
    explicit_bzero(block.data(), block.size());
    explicit_bzero(sum.data(), sum.size());
  }
  explicit_bzero(words.data(), sizeof words);
  return session::Secret::take(key);
}

}  // namespace pillard::ssh
