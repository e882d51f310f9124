#include "ssh/private_key.h"

#include <gmock/gmock.h>

#include "ssh/key_file.h"
#include "unit/ssh/keys.h"
#include "wire/base64.h"

namespace pillard::ssh {
namespace {

using testing::HasSubstr;
using testing::Not;
using Format = KeyFile::Format;

test::KeyRing& ring() {
  static test::KeyRing keys;
  return keys;
}

session::Credential with(const std::string& key, const std::string& passphrase = {}) {
  session::Credential credential;
  credential.host = "node";
  credential.username = "eth";
  credential.private_key = session::Secret(key);
  credential.passphrase = session::Secret(passphrase);
  auto valid = session::validate(credential);
  return valid ? std::move(valid).value() : credential;
}

struct Told {
  std::optional<Code> code;
  std::string words;
};
Told told(std::optional<Error> error) { return error ? Told{error->code(), error->what()} : Told{}; }
Told inspected(const std::string& key, const std::string& passphrase = {}) {
  return told(inspect_key(with(key, passphrase)));
}
Told opened(const std::string& key, const std::string& passphrase = {}) {
  auto made = PrivateKey::open(with(key, passphrase));
  return made ? Told{} : told(made.error());
}

std::string armour(const std::string& label, std::string_view bytes) {
  std::string text = "-----BEGIN " + label + "-----\n";
  wire::append_base64(text, bytes);
  return text + "\n-----END " + label + "-----\n";
}
std::string field(std::string_view text) {
  const auto size = text.size();
  return std::string{static_cast<char>(size >> 24U), static_cast<char>(size >> 16U), static_cast<char>(size >> 8U),
                     static_cast<char>(size)} +
         std::string(text);
}
std::string number(std::uint32_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U), static_cast<char>(value >> 8U),
          static_cast<char>(value)};
}
std::string openssh(const std::string& type, const std::string& cipher = "none", const std::string& kdf = "none",
                    const std::string& options = "", std::uint32_t count = 1) {
  return armour("OPENSSH PRIVATE KEY", std::string("openssh-key-v1\0", 15) + field(cipher) + field(kdf) +
                                           field(options) + number(count) + field(field(type)) + field("secret part"));
}

TEST(KeyFile, TellsWhatOpenSshWrote) {
  const std::pair<test::KeyRing::Key, const char*> kinds[] = {
      {ring().make("ed25519"), "ssh-ed25519"},
      {ring().make("ecdsa", "", {"-b", "256"}), "ecdsa-sha2-nistp256"},
      {ring().make("ecdsa", "", {"-b", "384"}), "ecdsa-sha2-nistp384"},
      {ring().make("ecdsa", "", {"-b", "521"}), "ecdsa-sha2-nistp521"},
      {ring().make("rsa", "", {"-b", "2048"}), "ssh-rsa"}};
  for (const auto& [key, type] : kinds) {
    const auto file = KeyFile::read(key.secret);
    ASSERT_TRUE(file) << key.open << file.error().what();
    EXPECT_EQ(file->format(), Format::kOpenSsh);
    EXPECT_EQ(file->type(), type) << key.open;
    EXPECT_FALSE(file->encrypted());
  }
}
TEST(KeyFile, TellsWhatIsEncrypted) {
  EXPECT_TRUE(KeyFile::read(ring().make("ed25519", "secret").secret)->encrypted());
  EXPECT_TRUE(KeyFile::read(ring().make("ecdsa", "secret", {"-m", "PEM"}).secret)->encrypted());
  EXPECT_TRUE(KeyFile::read(ring().make("ecdsa", "secret", {"-m", "PKCS8"}).secret)->encrypted());
  EXPECT_FALSE(KeyFile::read(ring().make("ecdsa", "", {"-m", "PEM"}).secret)->encrypted());
  EXPECT_FALSE(KeyFile::read(ring().make("ecdsa", "", {"-m", "PKCS8"}).secret)->encrypted());
}
TEST(KeyFile, OpensWhatOpenSshEncrypted) {
  for (const auto* cipher : {"aes256-ctr", "aes192-ctr", "aes128-ctr", "aes256-cbc", "aes192-cbc", "aes128-cbc"}) {
    const auto file = KeyFile::read(ring().make("ed25519", "secret", {"-Z", cipher, "-a", "2"}).secret);
    ASSERT_TRUE(file) << cipher;
    const auto part = file->open("secret");
    ASSERT_TRUE(part) << cipher;
    EXPECT_EQ(SshFields(part->reveal()).string(), "ssh-ed25519") << cipher;
    EXPECT_FALSE(file->open("guess")) << cipher;
  }
}

TEST(SshFields, EndWhereTheTextEnds) {
  const auto text = field("one") + number(2) + "xy";
  SshFields fields(text);
  EXPECT_EQ(fields.string(), "one");
  EXPECT_EQ(fields.number(), 2U);
  EXPECT_FALSE(fields.number());
  EXPECT_FALSE(fields.bytes(3));
  EXPECT_EQ(fields.bytes(2), "xy");
  EXPECT_TRUE(fields.done());
  EXPECT_FALSE(SshFields(std::string_view("\xff\xff\xff\xffx", 5)).string());
}

TEST(PrivateKey, OpensTheKindsThatNodesTake) {
  for (const auto* format : {"RFC4716", "PEM", "PKCS8"})
    for (const auto* passphrase : {"", "secret"}) {
      EXPECT_EQ(opened(ring().make("ed25519", passphrase, {"-m", format}).secret, passphrase).words, "") << format;
      EXPECT_EQ(opened(ring().make("ecdsa", passphrase, {"-m", format}).secret, passphrase).words, "") << format;
      const auto rsa = ring().make("rsa", passphrase, {"-m", format, "-b", "2048"});
      EXPECT_EQ(opened(rsa.secret, passphrase).words, "") << format;
    }
}
TEST(PrivateKey, OpensAnEd25519KeyThatOpenSslMade) {
  EXPECT_EQ(opened("-----BEGIN PRIVATE KEY-----\n"
                   "MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n"
                   "-----END PRIVATE KEY-----\n")
                .words,
            "");
}
TEST(PrivateKey, HasThePublicPartThatSshKeygenWrote) {
  for (const auto* format : {"RFC4716", "PKCS8"})
    for (const auto& [type, bits] : {std::pair("ed25519", "256"), std::pair("ecdsa", "256"), std::pair("ecdsa", "384"),
                                     std::pair("ecdsa", "521")}) {
      const auto made = ring().make(type, "", {"-b", bits, "-m", format});
      auto key = PrivateKey::open(with(made.secret));
      ASSERT_TRUE(key);
      std::string base64;
      wire::append_base64(base64, (*key)->public_part());
      EXPECT_THAT(made.open, HasSubstr(" " + base64 + " ")) << type << bits;
    }
}
TEST(PrivateKey, NamesTheSignatureOfAnRsaKey) {
  auto key = PrivateKey::open(with(ring().make("rsa", "", {"-b", "2048"}).secret));
  ASSERT_TRUE(key);
  SshFields fields((*key)->public_part());
  EXPECT_EQ(fields.string(), "rsa-sha2-256");
  EXPECT_EQ(fields.string(), std::string_view("\1\0\1", 3));
  EXPECT_EQ(fields.string()->size(), 257U);
  EXPECT_EQ((*key)->sign("text").size(), 256U);
}
TEST(PrivateKey, SignsInTheFrameOfSsh) {
  auto ed25519 = PrivateKey::open(with(ring().make("ed25519").secret));
  EXPECT_EQ((*ed25519)->sign("text").size(), 64U);
  EXPECT_EQ((*ed25519)->sign("text"), (*ed25519)->sign("text"));
  EXPECT_NE((*ed25519)->sign("text"), (*ed25519)->sign("test"));
  auto ecdsa = PrivateKey::open(with(ring().make("ecdsa", "", {"-b", "521"}).secret));
  const auto signature = (*ecdsa)->sign("text");
  SshFields fields(signature);
  EXPECT_GT(fields.string()->size(), 60U);
  EXPECT_GT(fields.string()->size(), 60U);
  EXPECT_TRUE(fields.done());
}
TEST(PrivateKey, SaysThatThePassphraseIsMissing) {
  for (const auto* format : {"RFC4716", "PEM", "PKCS8"}) {
    const auto said = inspected(ring().make("ecdsa", "secret", {"-m", format}).secret);
    EXPECT_EQ(said.code, Code::kBadRequest);
    EXPECT_EQ(said.words, "Authentication failed: the private key is protected by a passphrase. Enter it as well.");
  }
}
TEST(PrivateKey, SaysThatThePassphraseIsWrong) {
  for (const auto* format : {"RFC4716", "PEM", "PKCS8"}) {
    const auto said = opened(ring().make("ecdsa", "secret", {"-m", format}).secret, "guess");
    EXPECT_EQ(said.code, Code::kUnauthenticated);
    EXPECT_EQ(said.words, "Authentication failed: the passphrase does not open the private key.");
  }
}
TEST(PrivateKey, NeedsNoPassphraseThatIsGivenForNothing) {
  EXPECT_EQ(opened(ring().make("ed25519").secret, "nothing").words, "");
  EXPECT_EQ(opened(ring().make("ecdsa", "", {"-m", "PEM"}).secret, "nothing").words, "");
}
TEST(PrivateKey, IsNoConcernOfALoginWithAPassword) {
  session::Credential credential;
  credential.password = session::Secret("hunter2");
  EXPECT_FALSE(inspect_key(credential));
}

TEST(UnsupportedKey, IsToldWithWhatToDo) {
  const std::pair<std::string, const char*> kinds[] = {
      {openssh("ssh-dss"), "DSA keys are not supported"},
      {armour("DSA PRIVATE KEY", "x"), "DSA keys are not supported"},
      {openssh("sk-ssh-ed25519@openssh.com"), "hardware token"},
      {openssh("sk-ecdsa-sha2-nistp256@openssh.com"), "hardware token"},
      {openssh("ssh-ed448"), "of this kind are not supported"},
      {openssh("ecdsa-sha2-nistp192"), "of this kind are not supported"},
      {armour("ANY PRIVATE KEY", "x"), "of this kind are not supported"},
      {openssh("ssh-ed25519", "chacha20-poly1305@openssh.com", "bcrypt", field("salt") + number(16)),
       "ssh-keygen -p -f KEYFILE"},
      {openssh("ssh-ed25519", "aes256-ctr", "scrypt", field("salt") + number(16)), "ssh-keygen -p -f KEYFILE"},
      {armour("PRIVATE KEY", std::string(16'000, 'x')), "larger than any"}};
  for (const auto& [key, words] : kinds) {
    const auto said = inspected(key, "secret");
    EXPECT_EQ(said.code, Code::kUnsupported) << key;
    EXPECT_THAT(said.words, HasSubstr(words));
  }
}
TEST(UnsupportedKey, MayTakeTooLongToOpen) {
  const auto rounds = [](std::uint32_t count) {
    return inspected(openssh("ssh-ed25519", "aes256-ctr", "bcrypt", field("salt") + number(count)), "secret");
  };
  EXPECT_EQ(rounds(256).words, "");
  EXPECT_THAT(rounds(257).words, HasSubstr("257 rounds"));
  EXPECT_EQ(rounds(0xffffffff).code, Code::kUnsupported);
}
TEST(UnsupportedKey, MayBeAnEnvelopeThatTakesTooLongToOpen) {
  // A secp256r1 key under PBKDF2; its 2048 iterations (two bytes) are made 33,554,432 (four) by hand below.
  const auto key = ring().make("ecdsa", "secret", {"-m", "PKCS8"}).secret;
  const auto begin = key.find('\n') + 1;
  std::string base64 = key.substr(begin, key.rfind("-----END") - begin);
  std::erase(base64, '\n');
  auto der = *wire::decode_base64(base64);
  const auto at = der.find(std::string("\x02\x02\x08\x00", 4));
  ASSERT_NE(at, std::string::npos);
  der.replace(at, 4, std::string("\x02\x02\x7f\xff", 4));
  EXPECT_EQ(inspected(armour("ENCRYPTED PRIVATE KEY", der), "secret").words, "");
  // The lengths of all that it is in grow by two: of the parameters, of PBKDF2, of PBES2's parameters, of PBES2, and of
  // the whole, in the order in which they begin.
  der.replace(at, 4, std::string("\x02\x04\x02\x00\x00\x00", 6));
  for (const std::size_t length : {std::size_t{2}, std::size_t{4}, std::size_t{17}, std::size_t{19}, std::size_t{32}})
    der[length] = static_cast<char>(der[length] + 2);
  const auto said = inspected(armour("ENCRYPTED PRIVATE KEY", der), "secret");
  EXPECT_EQ(said.code, Code::kUnsupported) << said.words;
  EXPECT_THAT(said.words, HasSubstr("too long"));
}
TEST(UnsupportedKey, MayBeOnACurveOfAnotherWorld) {
  // secp256k1, the curve of Ethereum's own keys.
  const auto said = opened(
      "-----BEGIN EC PRIVATE KEY-----\n"
      "MC4CAQEEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBoAcGBSuBBAAK\n"
      "-----END EC PRIVATE KEY-----\n");
  EXPECT_EQ(said.code, Code::kUnsupported) << said.words;
  EXPECT_THAT(said.words, HasSubstr("elliptic curve"));
}

/// An element of DER.
std::string der(int tag, const std::string& content) {
  const auto size = content.size();
  std::string text(1, static_cast<char>(tag));
  if (size > 127) text += {'\x82', static_cast<char>(size >> 8U)};
  return text + static_cast<char>(size) + content;
}
const std::string kNull = "\x05" + std::string(1, '\0');
const std::string kZero = der(0x02, std::string(1, '\0'));
std::string pkcs8(const std::string& algorithm, const std::string& key) {
  return armour("PRIVATE KEY", der(0x30, kZero + der(0x30, algorithm) + der(0x04, key)));
}
std::string rsa(std::size_t largest) {
  std::string numbers = kZero;
  for (int i = 0; i < 8; ++i) numbers += der(0x02, std::string(i == 2 ? largest : 3, '\7'));
  return der(0x30, numbers);
}
std::string ec(const std::string& curve, std::size_t secret = 32) {
  return der(0x30, der(0x02, "\1") + der(0x04, std::string(secret, '\1')) + (curve.empty() ? "" : der(0xa0, curve)));
}
const std::string kEcKind = der(0x06, "\x2a\x86\x48\xce\x3d\x02\x01");
const std::string kP256 = der(0x06, "\x2a\x86\x48\xce\x3d\x03\x01\x07");
const std::string kRsaKind = der(0x06, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01") + kNull;

TEST(UnsupportedKey, IsToldByItsKindBeforeAnythingIsComputed) {
  // A group of 40,000 bits: OpenSSL would be at its public part for seconds.
  std::string large(5'000, '\xff');
  large[0] = '\0';
  const auto group = der(0x30, der(0x02, large) + der(0x02, "\7") + der(0x02, "\2"));
  for (const auto* kind : {"\x2a\x86\x48\xce\x38\x04\x01", "\x2a\x86\x48\xce\x3e\x02\x01"}) {  // DSA, DH
    const auto said = opened(pkcs8(der(0x06, kind) + group, der(0x02, large)));
    EXPECT_EQ(said.code, Code::kUnsupported) << said.words;
    EXPECT_THAT(said.words, HasSubstr("of this kind"));
  }
}
TEST(UnsupportedKey, MayBeAnRsaKeyOfAnySize) {
  const auto large = std::string(1'026, '\7');
  const auto openssh_rsa =
      armour("OPENSSH PRIVATE KEY",
             std::string("openssh-key-v1\0", 15) + field("none") + field("none") + field("") + number(1) +
                 field(field("ssh-rsa")) +
                 field(number(1) + number(1) + field("ssh-rsa") + field("\7\7") + field("\3") + field(large)));
  for (const auto& key : {armour("RSA PRIVATE KEY", rsa(1'026)), pkcs8(kRsaKind, rsa(1'026)), openssh_rsa}) {
    const auto said = opened(key);
    EXPECT_EQ(said.code, Code::kUnsupported) << said.words;
    EXPECT_THAT(said.words, HasSubstr("8192 bits"));
  }
}
TEST(UnsupportedKey, MayDescribeACurveOfItsOwn) {
  const auto described = der(0x30, kZero);
  for (const auto& key : {armour("EC PRIVATE KEY", ec(described)), pkcs8(kEcKind + described, ec("")),
                          pkcs8(kEcKind + kP256, ec(described))}) {
    const auto said = opened(key);
    EXPECT_EQ(said.code, Code::kUnsupported) << said.words;
    EXPECT_THAT(said.words, HasSubstr("elliptic curve"));
  }
}
TEST(PrivateKey, MayNameItsCurveTwiceOrLeaveItsPointOut) {
  EXPECT_EQ(opened(pkcs8(kEcKind + kP256, ec(kP256))).words, "");
  EXPECT_EQ(opened(pkcs8(kEcKind + kP256, ec(""))).words, "");
  EXPECT_EQ(opened(armour("EC PRIVATE KEY", ec(kP256))).words, "");
}

TEST(DamagedKey, MayHoldAnotherOneThatWasNotLookedAt) {
  const auto inner = ring().make("ecdsa", "secret", {"-m", "PKCS8"}).secret;
  const auto plain = ring().make("ecdsa", "", {"-m", "PKCS8"}).secret;
  for (const auto* label : {"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"})
    for (const auto& hidden : {inner, plain}) {
      const auto words =
          "-----BEGIN " + std::string(label) + "-----\n-----END X-----\n" + hidden + "-----END " + label + "-----\n";
      // As it would reach the reader, whatever cleans the text before.
      const auto file = KeyFile::read(words);
      ASSERT_FALSE(file) << label;
      EXPECT_EQ(file.error().code(), Code::kBadRequest);
    }
}
TEST(DamagedKey, HasNothingBehindItsEnd) {
  const auto whole = der(0x30, kZero + der(0x30, kEcKind + kP256) + der(0x04, ec("")));
  EXPECT_EQ(opened(armour("PRIVATE KEY", whole)).words, "");
  EXPECT_THAT(opened(armour("PRIVATE KEY", whole + kNull)).words, HasSubstr("is damaged"));
  for (const auto& key :
       {armour("EC PRIVATE KEY", ec(kP256) + kNull), armour("RSA PRIVATE KEY", rsa(3) + kNull),
        armour("EC PRIVATE KEY", ec(kP256, 67)), armour("EC PRIVATE KEY", ec("")), pkcs8(kRsaKind, ec(kP256)),
        std::string("-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES\n-----END RSA PRIVATE KEY-----\n")})
    EXPECT_THAT(opened(key, "secret").words, HasSubstr("is damaged")) << key;
}
TEST(DamagedKey, IsToldFromThoseThatAreNot) {
  const auto whole = ring().make("ed25519").secret;
  const auto pkcs8 = ring().make("ecdsa", "", {"-m", "PKCS8"}).secret;
  auto turned = pkcs8;
  std::swap(turned[40], turned[41]);
  for (const auto& key :
       {armour("OPENSSH PRIVATE KEY", ""), armour("OPENSSH PRIVATE KEY", "openssh-key-v2"),
        openssh("ssh-ed25519", "none", "none", "", 2), openssh("ssh-ed25519", "aes256-ctr", "bcrypt", "x"),
        openssh("ssh-ed25519", "aes256-ctr", "bcrypt", field("salt") + number(0)), armour("ENCRYPTED PRIVATE KEY", "x"),
        armour("ENCRYPTED PRIVATE KEY", ""), whole.substr(0, 100) + whole.substr(104),
        whole.substr(0, 100) + "*" + whole.substr(101)})
    EXPECT_THAT(inspected(key, "secret").words, HasSubstr("is damaged")) << key;
  for (const auto& key : {turned, armour("PRIVATE KEY", "x"), armour("RSA PRIVATE KEY", "x"),
                          armour("EC PRIVATE KEY", ""), openssh("ssh-rsa"), openssh("ssh-ed25519")})
    EXPECT_THAT(opened(key).words, HasSubstr("is damaged")) << key;
}
TEST(DamagedKey, IsFoundAtEveryLength) {
  const auto whole = ring().make("ed25519", "secret").secret;
  const auto begin = whole.find('\n') + 1;
  std::string base64 = whole.substr(begin, whole.rfind("-----END") - begin);
  std::erase(base64, '\n');
  const auto bytes = *wire::decode_base64(base64);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto said = inspected(armour("OPENSSH PRIVATE KEY", std::string_view(bytes).substr(0, size)), "secret");
    EXPECT_THAT(said.words, HasSubstr("is damaged")) << size;
  }
}
TEST(DamagedKey, IsNeverRepeated) {
  const auto said = inspected("-----BEGIN OPENSSH PRIVATE KEY-----\nSECRET\n-----END OPENSSH PRIVATE KEY-----\n");
  EXPECT_THAT(said.words, Not(HasSubstr("SECRET")));
}

}  // namespace
}  // namespace pillard::ssh
