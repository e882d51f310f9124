#include "session/credential.h"

#include <gtest/gtest.h>

#include <set>

namespace pillard::session {
namespace {

Credential good() { return {.host = "node.example", .port = 22, .username = "ethnode", .password = Secret("hunter2")}; }

Credential at(std::string host) {
  auto credential = good();
  credential.host = std::move(host);
  return credential;
}

std::string host_of(const std::string& host) {
  const auto result = validate(at(host));
  return result ? result->host : "refused";
}

std::string refusal_of(Credential credential) {
  const auto result = validate(std::move(credential));
  if (result) return "";
  EXPECT_EQ(result.error().code(), Code::kBadRequest);
  return result.error().what();
}

TEST(Credential, IsAcceptedAsItIs) {
  const auto result = validate(good());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->host, "node.example");
  EXPECT_EQ(result->port, 22);
  EXPECT_EQ(result->username, "ethnode");
  EXPECT_EQ(result->password.reveal(), "hunter2");
}

class GoodHost : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(GoodHost, IsGivenItsOneSpelling) { EXPECT_EQ(host_of(GetParam().first), GetParam().second); }
INSTANTIATE_TEST_SUITE_P(All, GoodHost,
                         ::testing::Values(std::pair("node", "node"), std::pair("Node.EXAMPLE", "node.example"),
                                           std::pair("node.example.", "node.example"),
                                           std::pair("my_node.example", "my_node.example"),
                                           std::pair("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
                                           std::pair("3com.example", "3com.example"), std::pair("node-1", "node-1"),
                                           std::pair("192.0.2.7", "192.0.2.7"),
                                           std::pair("2001:DB8:0::0001", "2001:db8::1"),
                                           std::pair("[2001:db8::1]", "2001:db8::1"), std::pair("::1", "::1"),
                                           std::pair("::FFFF:192.0.2.7", "::ffff:192.0.2.7")));

class BadHost : public ::testing::TestWithParam<std::string> {};
TEST_P(BadHost, IsRefusedInWords) {
  EXPECT_EQ(refusal_of(at(GetParam())), "The host is neither a DNS name nor an IP address.");
}
INSTANTIATE_TEST_SUITE_P(Names, BadHost,
                         ::testing::Values("-oProxyCommand=id", "node-", "a..b", ".", ".node", "node..", "no de",
                                           "node\n", "\tnode", "node;id", "user@node", "node:22",
                                           "n\xc3\xb6"
                                           "de",
                                           "node/x", "*", std::string("node\0x", 6), std::string(64, 'a'),
                                           std::string(63, 'a') + "." + std::string(63, 'a') + "." +
                                               std::string(63, 'a') + "." + std::string(62, 'a')));
INSTANTIATE_TEST_SUITE_P(Addresses, BadHost,
                         ::testing::Values("127.1", "2130706433", "0x7f.0.0.1", "0x7f000001", "0177.0.0.1", "1.2.3.4.5",
                                           "256.0.0.1", "192.0.2.7.", "node.0x7f", "[192.0.2.7]", "[node]", "[]",
                                           "[::1", "::1]", ":::", "fe80::1%eth0", "[::1]:22", "::1 "));

TEST(Credential, AcceptsTheLongestName) {
  const auto name =
      std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(61, 'a');
  EXPECT_EQ(host_of(name), name);
}
TEST(Credential, NeedsEveryField) {
  EXPECT_EQ(refusal_of(at("")), "The host is missing.");
  auto credential = good();
  credential.port = 0;
  EXPECT_EQ(refusal_of(credential), "The port is not between 1 and 65535.");
  credential = good();
  credential.username.clear();
  EXPECT_EQ(refusal_of(credential), "The username is missing.");
  credential = good();
  credential.password = Secret();
  EXPECT_EQ(refusal_of(credential), "The password is missing.");
}

class Username : public ::testing::TestWithParam<std::string> {
 protected:
  static bool accepted(const std::string& name) {
    auto credential = good();
    credential.username = name;
    return validate(std::move(credential)).ok();
  }
};
class GoodUsername : public Username {};
TEST_P(GoodUsername, IsAccepted) { EXPECT_TRUE(accepted(GetParam())); }
INSTANTIATE_TEST_SUITE_P(All, GoodUsername,
                         ::testing::Values("root", "eth-node_1", "_apt", "First.Last", "user@realm.example",
                                           "DOMAIN\\user", "machine$", "1000", std::string(64, 'u')));
class BadUsername : public Username {};
TEST_P(BadUsername, IsRefused) { EXPECT_FALSE(accepted(GetParam())); }
INSTANTIATE_TEST_SUITE_P(All, BadUsername,
                         ::testing::Values("-l", "a b", "a\nb", "a:b", "a/b", "a'b", "a\"b", "a;b", "a`b", "\x7f",
                                           "j\xc3\xb6rg", std::string("a\0b", 3), std::string(65, 'u')));

TEST(Credential, BoundsThePassword) {
  auto credential = good();
  credential.password = Secret(std::string(1024, 'p'));
  EXPECT_EQ(refusal_of(credential), "");
  credential.password = Secret(std::string(1025, 'p'));
  EXPECT_EQ(refusal_of(credential), "The password is longer than 1024 bytes.");
  credential.password = Secret(std::string_view("a\0b", 3));
  EXPECT_EQ(refusal_of(credential), "The password has a zero byte in it.");
}

constexpr std::string_view kKey =
    "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB\n-----END OPENSSH PRIVATE KEY-----\n";

Credential with_key(std::string_view key) {
  auto credential = good();
  credential.password = Secret();
  credential.private_key = Secret(key);
  return credential;
}
std::string key_of(std::string_view text) {
  const auto result = validate(with_key(text));
  return result ? std::string(result->private_key.reveal()) : result.error().what();
}

TEST(Credential, TakesAKeyInsteadOfAPasswordOrBesideIt) {
  EXPECT_EQ(key_of(kKey), kKey);
  auto both = with_key(kKey);
  both.password = Secret("hunter2");
  both.passphrase = Secret("open sesame");
  const auto result = validate(both);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->password.reveal(), "hunter2");
  EXPECT_EQ(result->passphrase.reveal(), "open sesame");
}
TEST(Credential, GivesAKeyItsOneSpelling) {
  EXPECT_EQ(key_of(kKey.substr(0, kKey.size() - 1)), kKey);
  EXPECT_EQ(key_of("my key\n  " + std::string(kKey) + "\n\nmy other words"), kKey);
  EXPECT_EQ(key_of("-----BEGIN OPENSSH PRIVATE KEY-----\r\nAAAA\r\nBBBB\r\n-----END OPENSSH PRIVATE KEY-----\r\n"),
            kKey);
  EXPECT_EQ(key_of("-----BEGIN EC PARAMETERS-----\nBg==\n-----END EC PARAMETERS-----\n"
                   "-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----"),
            "-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----\n");
}
TEST(Credential, SaysOfAnotherKindOfKeyWhatToDo) {
  const std::string whole = "This is no private key. Paste the whole file";
  EXPECT_EQ(key_of("hunter2").substr(0, whole.size()), whole);
  EXPECT_EQ(key_of("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n").substr(0, whole.size()), whole);
  EXPECT_EQ(key_of("-----BEGIN RSA PRIVATE KEY-----\nA\n-----END EC PRIVATE KEY-----\n").substr(0, whole.size()),
            whole);
  EXPECT_EQ(key_of("-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n").substr(0, whole.size()), whole);
  EXPECT_NE(key_of("PuTTY-User-Key-File-3: ssh-ed25519\n").find("PuTTYgen"), std::string::npos);
  for (const auto* type : {"ssh-ed25519 AAAA me", "ecdsa-sha2-nistp256 AAAA", "sk-ssh-ed25519@openssh.com AAAA"})
    EXPECT_NE(key_of(type).find("public key"), std::string::npos);
}
TEST(Credential, BoundsTheKey) {
  EXPECT_EQ(key_of(std::string(65'537, 'A')), "The private key is longer than 64 KiB.");
  EXPECT_EQ(key_of(std::string_view("-----BEGIN\0", 11)), "The private key has a zero byte in it.");
}
TEST(Credential, BoundsThePassphrase) {
  auto credential = with_key(kKey);
  credential.passphrase = Secret(std::string(1024, 'p'));
  EXPECT_EQ(refusal_of(credential), "");
  credential.passphrase = Secret(std::string(1025, 'p'));
  EXPECT_EQ(refusal_of(credential), "The passphrase is longer than 1024 bytes.");
  credential.passphrase = Secret(std::string_view("a\0b", 3));
  EXPECT_EQ(refusal_of(credential), "The passphrase has a zero byte in it.");
}
TEST(Credential, RefusesAPassphraseForNothing) {
  auto credential = good();
  credential.passphrase = Secret("open sesame");
  EXPECT_EQ(refusal_of(credential), "There is a passphrase, but no private key that it belongs to.");
}
TEST(Credential, NeverRepeatsAKeyInARefusal) {
  EXPECT_EQ(key_of("-----BEGIN OPENSSH PRIVATE KEY-----\nSECRET").find("SECRET"), std::string::npos);
}
TEST(Credential, NeverRepeatsAPasswordInARefusal) {
  auto credential = good();
  credential.password = Secret(std::string(2000, 'p'));
  EXPECT_EQ(refusal_of(credential).find("ppp"), std::string::npos);
}

TEST(LaneKey, IsEqualForEqualCredentials) {
  EXPECT_EQ(lane_key(good()), lane_key(good()));
  EXPECT_EQ(lane_key(good()).size(), 64U);
}
TEST(LaneKey, DiffersWithEveryField) {
  std::set<std::string> keys{lane_key(good()), lane_key(at("other.example"))};
  auto credential = good();
  credential.port = 2222;
  keys.insert(lane_key(credential));
  credential = good();
  credential.username = "root";
  keys.insert(lane_key(credential));
  credential = good();
  credential.password = Secret("hunter3");
  keys.insert(lane_key(credential));
  credential.private_key = Secret("hunter3");
  keys.insert(lane_key(credential));
  credential.passphrase = Secret("hunter3");
  keys.insert(lane_key(credential));
  credential.private_key = Secret();
  keys.insert(lane_key(credential));
  EXPECT_EQ(keys.size(), 8U);
}
TEST(LaneKey, KeepsTheBordersOfItsFields) {
  auto one = good();
  one.username = "ab";
  one.password = Secret("c");
  auto two = good();
  two.username = "a";
  two.password = Secret("bc");
  EXPECT_NE(lane_key(one), lane_key(two));
}

TEST(NodeKey, IsOneForAllSpellings) {
  EXPECT_EQ(node_key("Node.Example", 22), "node.example:22");
  EXPECT_EQ(node_key("2001:DB8::1", 2222), "[2001:db8::1]:2222");
  EXPECT_EQ(node_key("[2001:db8::1]", 2222), "[2001:db8::1]:2222");
  EXPECT_EQ(node_key(good()), "node.example:22");
}

}  // namespace
}  // namespace pillard::session
