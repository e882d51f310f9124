// Logins with private keys.
#include <gmock/gmock.h>

#include "node_test.h"
#include "unit/ssh/keys.h"

namespace pillard::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class KeyLogin : public NodeTest {
 protected:
  void TearDown() override {
    if (authorized_) target().exec({"sed", "-i", "/ test$/d", "/home/" + user() + "/.ssh/authorized_keys"});
  }
  std::string user() const { return credential().username; }

  session::Credential with(const KeyRing::Key& key, const std::string& passphrase = {}) const {
    auto login = credential();
    login.password = {};
    login.private_key = session::Secret(key.secret);
    login.passphrase = session::Secret(passphrase);
    return std::move(session::validate(login)).value();
  }
  void authorize(const KeyRing::Key& key) {
    target().exec({"sh", "-c", "printf %s \"$1\" >> /home/" + user() + "/.ssh/authorized_keys", "sh", key.open});
    authorized_ = true;
  }
  /// "" for a login that succeeds.
  static std::string answer(Rig& rig, const session::Credential& login, Code code = Code::kUnauthenticated) {
    const auto error = rig.verify(login);
    if (!error) return "";
    EXPECT_EQ(error->code(), code) << error->what();
    return error->what();
  }
  int refused() const { return target().sshd_said("Failed publickey for " + user()); }

  KeyRing keys;

 private:
  bool authorized_ = false;
};

constexpr auto kNotAuthorized =
    "Authentication failed: the node refused this user name or private key. Its public part has to stand in "
    "~/.ssh/authorized_keys of that user.";
constexpr auto kWrongPassphrase = "Authentication failed: the passphrase does not open the private key.";

TEST_F(KeyLogin, SucceedsWithEd25519) {
  const auto key = keys.make("ed25519");
  authorize(key);
  Rig rig;
  Client client(rig, with(key));
  ASSERT_TRUE(client.wait_up());
  EXPECT_EQ(client.exec({"id", "-un"}).out, user() + "\n");
}

TEST_F(KeyLogin, SucceedsWithEachCurveOfEcdsa) {
  Rig rig;
  for (const auto* bits : {"256", "384", "521"}) {
    const auto key = keys.make("ecdsa", "", {"-b", bits});
    authorize(key);
    EXPECT_EQ(answer(rig, with(key)), "") << bits;
  }
}

TEST_F(KeyLogin, SucceedsWithPemFiles) {
  Rig rig;
  for (const auto* format : {"PEM", "PKCS8"})
    for (const auto* passphrase : {"", "open sesame"}) {
      const auto key = keys.make("ecdsa", passphrase, {"-m", format});
      authorize(key);
      EXPECT_EQ(answer(rig, with(key, passphrase)), "") << format << passphrase;
    }
}

TEST_F(KeyLogin, SucceedsWithRsaAndItsNewerSignature) {
  Rig rig;
  const std::pair<KeyRing::Key, const char*> made[] = {
      {keys.make("rsa", "", {"-b", "2048"}), ""},
      {keys.make("rsa", "open sesame", {"-b", "2048"}), "open sesame"},
      {keys.make("rsa", "open sesame", {"-b", "3072", "-m", "PEM"}), "open sesame"},
      {keys.make("rsa", "open sesame", {"-b", "3072", "-m", "PKCS8"}), "open sesame"}};
  for (const auto& [key, passphrase] : made) {
    EXPECT_EQ(answer(rig, with(key, passphrase)), kNotAuthorized);
    authorize(key);
    EXPECT_EQ(answer(rig, with(key, passphrase)), "");
  }
}

TEST_F(KeyLogin, SucceedsWithAnEncryptedKey) {
  Rig rig;
  for (const auto* type : {"ed25519", "ecdsa"}) {
    const auto key = keys.make(type, "open sesame", {"-Z", "aes256-ctr", "-a", "16"});
    authorize(key);
    EXPECT_EQ(answer(rig, with(key, "open sesame")), "") << type;
  }
}

TEST_F(KeyLogin, TellsAWrongPassphraseWithoutAskingTheNode) {
  const auto key = keys.make("ed25519", "open sesame");
  authorize(key);
  const Target::SshdSettings verbose(target(), "LogLevel VERBOSE\n");
  Rig rig;
  const int before = refused();
  EXPECT_EQ(answer(rig, with(key, "open barley")), kWrongPassphrase);
  const auto pem = keys.make("ecdsa", "open sesame", {"-m", "PKCS8"});
  EXPECT_EQ(answer(rig, with(pem, "open barley")), kWrongPassphrase);
  EXPECT_EQ(refused(), before);
}

TEST_F(KeyLogin, TellsAMissingPassphrase) {
  Rig rig;
  EXPECT_THAT(answer(rig, with(keys.make("ed25519", "open sesame")), Code::kBadRequest),
              HasSubstr("Authentication failed: the private key is protected by a passphrase."));
}

TEST_F(KeyLogin, TriesAKeyThatIsRefusedOnlyOnce) {
  const auto key = keys.make("ed25519");
  const Target::SshdSettings verbose(target(), "LogLevel VERBOSE\n");
  Rig rig;
  const int before = refused();
  {
    Client client(rig, with(key));
    const auto error = client.wait_down();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), Code::kUnauthenticated);
    EXPECT_STREQ(error->what(), kNotAuthorized);
  }
  Client again(rig, with(key));
  EXPECT_TRUE(again.wait_down());
  EXPECT_EQ(refused(), before + 1);
}

TEST_F(KeyLogin, ComesBackByItselfAfterACut) {
  const auto key = keys.make("ed25519", "open sesame");
  authorize(key);
  RigOptions options;
  options.ssh.backoff_first = 100ms;
  options.ssh.backoff_most = 400ms;
  Rig rig(options);
  Client client(rig, with(key, "open sesame"));
  ASSERT_TRUE(client.wait_up());
  target().exec({"pkill", "-KILL", "-f", "^sshd: " + user()});
  ASSERT_TRUE(client.wait_down());
  ASSERT_TRUE(client.wait_up(2));
  EXPECT_EQ(client.exec({"echo", "back"}).out, "back\n");
}

TEST_F(KeyLogin, GivesThePasswordTooWhereBothAreWanted) {
  const auto key = keys.make("ed25519");
  authorize(key);
  const Target::SshdSettings both(target(), "AuthenticationMethods publickey,password\n");
  Rig rig;
  auto login = with(key);
  EXPECT_THAT(answer(rig, login), HasSubstr("asks for a password as well"));
  login.password = credential().password;
  EXPECT_EQ(answer(rig, login), "");
  login.password = session::Secret("wrong");
  EXPECT_THAT(answer(rig, login), HasSubstr("refused this user name or password"));
}

TEST_F(KeyLogin, KeepsThePasswordToItselfWhereTheKeyIsRefused) {
  Rig rig;
  auto login = with(keys.make("ed25519"));
  login.password = credential().password;
  const int before = target().sshd_said("Accepted password for " + user());
  EXPECT_EQ(answer(rig, login), kNotAuthorized);
  EXPECT_EQ(target().sshd_said("Accepted password for " + user()), before);
}

TEST_F(KeyLogin, KeepsThePasswordToItselfWhereAKeyIsStillWanted) {
  const auto key = keys.make("ed25519");
  authorize(key);
  const Target::SshdSettings more(target(), "AuthenticationMethods publickey,publickey publickey,password\n");
  Rig rig;
  auto login = with(key);
  login.password = credential().password;
  EXPECT_THAT(answer(rig, login), HasSubstr("the node refused this private key"));
}

TEST_F(KeyLogin, SaysThatTheNodeTakesNoKeys) {
  const Target::SshdSettings passwords(target(), "PubkeyAuthentication no\n");
  Rig rig;
  const auto key = keys.make("ed25519");
  EXPECT_THAT(answer(rig, with(key)), HasSubstr("takes no private keys, only: password"));
  auto login = with(key);
  login.password = credential().password;
  EXPECT_EQ(answer(rig, login), "");
}

TEST_F(KeyLogin, NeverRepeatsTheKey) {
  Rig rig;
  const auto key = keys.make("ed25519");
  const auto line = key.secret.substr(key.secret.find('\n') + 1, 40);
  EXPECT_THAT(answer(rig, with(key)), Not(HasSubstr(line)));
}

}  // namespace
}  // namespace pillard::test
