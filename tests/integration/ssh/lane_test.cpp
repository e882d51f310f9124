// Logins: how many, which are refused, and what is remembered of them.
#include <deque>
#include <fstream>
#include <sstream>

#include "node_test.h"

namespace pillard::test {
namespace {

class LaneTest : public NodeTest {
 protected:
  int accepted() const { return target().sshd_said("Accepted password") + target().sshd_said("Accepted keyboard"); }
  int refused() const { return target().sshd_said("Failed password"); }
};

std::string contents(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

TEST_F(LaneTest, AHundredUsersCauseOneLogin) {
  const int before = accepted();
  Rig rig;
  std::deque<Client> users;
  for (int i = 0; i < 100; ++i) users.emplace_back(rig, credential());
  for (auto& user : users) EXPECT_TRUE(user.wait_up());
  EXPECT_EQ(users.front().exec({"echo", "one"}).out, "one\n");
  EXPECT_EQ(rig.pool().metrics().logins.value(), 1U);
  EXPECT_TRUE(eventually([&] { return accepted() == before + 1; })) << accepted() - before;
  for (auto& user : users) EXPECT_EQ(user.ups(), 1);
}

TEST_F(LaneTest, ClosesItsConnectionsSomeTimeAfterTheLastUse) {
  RigOptions options;
  options.ssh.idle_linger = 200ms;
  Rig rig(options);
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  client.leave();
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().connections.value() == 0; }, 2s));
}

TEST_F(LaneTest, TriesAWrongPasswordOnceAndRemembersTheRefusal) {
  const int before = refused();
  Rig rig;
  const auto wrong = target().credential("not it");
  {
    Client client(rig, wrong);
    const auto error = client.wait_down();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), Code::kUnauthenticated);
    EXPECT_NE(std::string(error->what()).find("Authentication failed"), std::string::npos);
    EXPECT_EQ(std::string(error->what()).find("not it"), std::string::npos);
  }
  Client again(rig, wrong);
  const auto error = again.wait_down();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kUnauthenticated);
  EXPECT_EQ(rig.pool().metrics().logins.value(), 1U);
  EXPECT_EQ(refused(), before + 1);
}

TEST_F(LaneTest, ASuccessfulVerifyClearsTheRefusal) {
  Rig rig;
  const auto later = target().credential("a new password");
  Client first(rig, later);
  ASSERT_TRUE(first.wait_down());
  const auto set_password = [&](const session::Credential& to) {
    target().exec({"sh", "-c", "echo \"$1\" | chpasswd", "sh", to.username + ":" + std::string(to.password.reveal())});
  };
  set_password(later);
  Client second(rig, later);
  EXPECT_TRUE(second.wait_down());
  EXPECT_EQ(second.ups(), 0);
  const auto error = rig.verify(later);
  EXPECT_FALSE(error) << error->what();
  EXPECT_TRUE(second.wait_up());
  set_password(credential());
}

TEST_F(LaneTest, RemembersWhatAFurtherConnectionWasRefused) {
  const auto set_password = [&](const std::string& to) {
    target().exec({"sh", "-c", "echo \"$1\" | chpasswd", "sh", credential().username + ":" + to});
  };
  RigOptions options;
  options.ssh.channels_per_connection = 2;
  options.ssh.channels_for_exec = 0;
  options.ssh.channel_patience = 10ms;
  options.ssh.backoff_first = 50ms;
  options.ssh.backoff_most = 100ms;
  Rig rig(options);
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  set_password("another one");
  std::deque<Client::Stream> runs(4);
  for (auto& run : runs) client.start_exec(run, {"sleep", "1006"});
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().login_failures.value() == 1; }));
  EXPECT_EQ(client.downs(), 0);
  target().exec({"pkill", "-KILL", "-f", "^sshd: " + credential().username});
  const auto error = client.wait_down(2);
  set_password(std::string(credential().password.reveal()));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kUnauthenticated) << error->what();
  EXPECT_EQ(rig.pool().metrics().logins.value(), 2U);
  for (auto& run : runs) client.cancel(run);
}

TEST_F(LaneTest, AVerifiedLoginBecomesTheLanesConnection) {
  Rig rig;
  const auto error = rig.verify(credential());
  ASSERT_FALSE(error) << error->what();
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  EXPECT_EQ(client.exec({"echo", "hi"}).out, "hi\n");
  EXPECT_EQ(rig.pool().metrics().logins.value(), 1U);
}

TEST_F(LaneTest, AReleasedLaneClosesAVerifiedLoginAtOnce) {
  Rig rig;
  ASSERT_FALSE(rig.verify(credential()));
  ASSERT_TRUE(eventually([&] { return rig.pool().metrics().connections.value() == 1; }));
  rig.release(credential());
  EXPECT_EQ(rig.pool().metrics().connections.value(), 0);
}

TEST_F(LaneTest, AReleasedLaneEndsWithItsLastUse) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  rig.release(credential());
  EXPECT_EQ(client.exec({"echo", "hi"}).out, "hi\n");
  EXPECT_EQ(client.downs(), 0);
  client.leave();
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().connections.value() == 0; }, 2s));
}

TEST_F(LaneTest, ALaneThatIsReleasedAndUsedAgainLingersAsOthersDo) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  rig.release(credential());
  Client again(rig, credential());
  ASSERT_TRUE(again.wait_up());
  client.leave();
  again.leave();
  client.on_lane([](ssh::Lane&) {});  // a turn later
  EXPECT_EQ(rig.pool().metrics().connections.value(), 1);
}

TEST_F(LaneTest, VerifyNeverTrustsAConnectionThatIsThere) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  ASSERT_FALSE(rig.verify(credential()));
  EXPECT_EQ(rig.pool().metrics().logins.value(), 2U);
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().connections.value() == 1; }));
}

TEST_F(LaneTest, PinsAnUnknownKeyOnlyAfterTheLoginSucceeded) {
  const Scratch scratch;
  RigOptions options;
  options.known_hosts = scratch.file("known_hosts");
  Rig rig(options);
  const auto wrong = rig.verify(target().credential("wrong"));
  ASSERT_TRUE(wrong);
  EXPECT_EQ(wrong->code(), Code::kUnauthenticated);
  EXPECT_EQ(contents(options.known_hosts), "");
  ASSERT_FALSE(rig.verify(credential()));
  EXPECT_NE(contents(options.known_hosts).find("ssh-ed25519"), std::string::npos) << contents(options.known_hosts);
}

TEST_F(LaneTest, AChangedHostKeyIsAHardStopBeforeThePasswordIsSent) {
  const Scratch scratch;
  RigOptions options;
  options.known_hosts = scratch.file("known_hosts");
  const auto to = credential();
  std::ofstream(options.known_hosts)
      << to.host << " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE2V2nQHvBhrGcLBXkdHQ7Zr2OGqQYEGyxLFFmeRMTDk\n";
  const int before = accepted();
  Rig rig(options);
  Client client(rig, to);
  const auto error = client.wait_down();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kConflict) << error->what();
  Client again(rig, to);
  EXPECT_TRUE(again.wait_down());
  EXPECT_EQ(rig.pool().metrics().logins.value(), 1U);
  EXPECT_EQ(accepted(), before);
  EXPECT_NE(contents(options.known_hosts).find("AAAAIE2V2nQ"), std::string::npos);
}

TEST_F(LaneTest, AnswersANodeThatAsksByKeyboardOnly) {
  const Target::SshdSettings settings(target(), "PasswordAuthentication no\nKbdInteractiveAuthentication yes\n");
  Rig rig;
  const auto error = rig.verify(credential());
  EXPECT_FALSE(error) << error->what();
}

TEST_F(LaneTest, GivesAPasswordOnceToANodeThatAsksByKeyboardOnly) {
  const Target::SshdSettings settings(target(), "PasswordAuthentication no\nKbdInteractiveAuthentication yes\n");
  Rig rig;
  const auto error = rig.verify(target().credential("wrong"));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kUnauthenticated) << error->what();
}

TEST_F(LaneTest, SaysSoWhenANodeTakesNoPasswords) {
  const Target::SshdSettings settings(target(), "PasswordAuthentication no\nKbdInteractiveAuthentication no\n");
  Rig rig;
  const auto error = rig.verify(credential());
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kUnauthenticated);
  EXPECT_NE(std::string(error->what()).find("publickey"), std::string::npos) << error->what();
}

TEST_F(LaneTest, SaysWhatItOffersWhenAlgorithmsDiffer) {
  const Target::SshdSettings settings(target(), "Ciphers aes256-gcm@openssh.com\n");
  Rig rig;
  const auto error = rig.verify(credential());
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kUnsupported);
  EXPECT_NE(std::string(error->what()).find("aes128-ctr"), std::string::npos) << error->what();
}

}  // namespace
}  // namespace pillard::test
