// What nodes do wrong: each ends in the right words, harms nobody else, and is over when the node behaves again.
#include <deque>

#include "node_test.h"
#include "relay.h"

namespace pillard::test {
namespace {

class Faults : public NodeTest {
 protected:
  static RigOptions impatient() {
    RigOptions options;
    options.ssh.keepalive = 800ms;
    options.ssh.alive_timeout = 600ms;
    options.ssh.connect_timeout = 1s;
    options.ssh.banner_timeout = 500ms;
    options.ssh.handshake_timeout = 1s;
    options.ssh.backoff_first = 100ms;
    options.ssh.backoff_most = 400ms;
    options.allow = {"127.0.0.1"};
    return options;
  }
  void kill_sessions() const { target().exec({"pkill", "-KILL", "-f", "^sshd: " + credential().username + "@"}); }
};

TEST_F(Faults, AHalfOpenConnectionIsNoticedAndToldOnce) {
  Relay relay(credential());
  Rig rig(impatient());
  Client client(rig, relay.credential());
  ASSERT_TRUE(client.wait_up());
  relay.stall();
  const auto error = client.wait_down(1, 4s);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kTimeout);
  EXPECT_EQ(std::string(error->what()), "Timeout: " + session::node_key(relay.credential()) + " does not answer.");
  // Each attempt ends otherwise: the gateway accepts, and says nothing.
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().login_failures.value() >= 3; }, 15s));
  EXPECT_EQ(client.downs(), 1);
  relay.resume();
  ASSERT_TRUE(client.wait_up(2));
  EXPECT_EQ(client.exec({"echo", "back"}).out, "back\n");
  EXPECT_EQ(rig.pool().metrics().connections_lost.value(), 1U);
}

TEST_F(Faults, AnOutageThatChangesItsKindIsToldAgain) {
  Relay relay(credential());
  Rig rig(impatient());
  Client client(rig, relay.credential());
  ASSERT_TRUE(client.wait_up());
  relay.stall();
  ASSERT_TRUE(client.wait_down(1, 4s));
  relay.shut();
  const auto error = client.wait_down(2, 6s);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kDisconnected) << error->what();
  relay.resume();
  relay.open();
  EXPECT_TRUE(client.wait_up(2));
  EXPECT_EQ(client.downs(), 2);
}

TEST_F(Faults, WhoComesDuringAnOutageHearsOfIt) {
  Relay relay(credential());
  Rig rig(impatient());
  Client client(rig, relay.credential());
  ASSERT_TRUE(client.wait_up());
  relay.shut();
  ASSERT_TRUE(client.wait_down());
  Client late(rig, relay.credential());
  EXPECT_TRUE(late.wait_down());
  relay.open();
  EXPECT_TRUE(late.wait_up());
}

TEST_F(Faults, ADamagedPacketEndsAConnectionThatNobodyUses) {
  // Every second sshd says something by itself; nothing but the pump reads it.
  const Target::SshdSettings settings(target(), "ClientAliveInterval 1\nClientAliveCountMax 100\n");
  Relay relay(credential());
  auto options = impatient();
  options.ssh.keepalive = 20s;
  Rig rig(options);
  Client client(rig, relay.credential());
  ASSERT_TRUE(client.wait_up());
  EXPECT_EQ(client.exec({"true"}).status, 0);
  ASSERT_TRUE(eventually([&] { return rig.pool().metrics().channels.value() == 0; }));
  relay.corrupt();
  const auto error = client.wait_down(1, 5s);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kDisconnected);
  EXPECT_NE(std::string(error->what()).find("broke (error "), std::string::npos) << error->what();
  EXPECT_TRUE(client.wait_up(2));
}

TEST_F(Faults, AChangedPasswordLeavesTheConnectionAndIsTriedOnceAfterIt) {
  const auto set_password = [&](const std::string& to) {
    target().exec({"sh", "-c", "echo \"$1\" | chpasswd", "sh", credential().username + ":" + to});
  };
  auto options = impatient();
  options.allow.clear();
  Rig rig(options);
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  const int refused = target().sshd_said("Failed password");
  set_password("another");
  EXPECT_EQ(client.exec({"echo", "still here"}).out, "still here\n");
  kill_sessions();
  const auto last = [&] {
    for (int i = 1; i <= client.downs(); ++i)
      if (client.wait_down(i)->code() == Code::kUnauthenticated) return true;
    return false;
  };
  EXPECT_TRUE(eventually(last, 10s));
  const auto logins = rig.pool().metrics().logins.value();
  Client further(rig, credential());
  EXPECT_EQ(further.wait_down()->code(), Code::kUnauthenticated);
  EXPECT_EQ(rig.pool().metrics().logins.value(), logins);
  EXPECT_EQ(target().sshd_said("Failed password"), refused + 1);
  set_password(std::string(credential().password.reveal()));
}

TEST_F(Faults, ANodeThatIsStartingOrStoppingRefusesNobodyForGood) {
  // As from the beginning of a reboot until its end: sshd takes the password, and then nobody in.
  target().exec({"sh", "-c", "echo 'System is going down.' > /run/nologin"});
  auto options = impatient();
  options.allow.clear();
  Rig rig(options);
  Client client(rig, credential());
  const auto error = client.wait_down();
  target().exec({"rm", "/run/nologin"});
  ASSERT_TRUE(error);
  EXPECT_TRUE(passing(error->code())) << error->what();
  EXPECT_TRUE(client.wait_up());
}

TEST_F(Faults, ACommandWhoseTimeIsUpOnANodeThatIsAwayIsNotToBlame) {
  Relay relay(credential());
  auto options = impatient();
  options.ssh.keepalive = 20s;
  options.ssh.alive_timeout = 200ms;
  Rig rig(options);
  Client client(rig, relay.credential());
  ASSERT_TRUE(client.wait_up());
  EXPECT_EQ(client.exec({"true"}).status, 0);
  relay.stall();
  Client::Stream late;
  Command command;
  command.timeout = 500ms;
  client.start_exec(late, {"true"}, command);
  const auto error = client.wait_down(1, 3s);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kTimeout);
  EXPECT_FALSE(late.exit) << "ends without a word";
  client.cancel(late);
}

TEST_F(Faults, AnExecThatPrintsWithoutEndIsEnded) {
  RigOptions options;
  options.ssh.exec_waste = 4'000'000;
  Rig rig(options);
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  Command command;
  command.max_output = 100'000;
  const auto exit = client.exec({"yes"}, command);
  EXPECT_EQ(exit.out.size(), 100'000U);
  EXPECT_TRUE(exit.truncated);
  EXPECT_FALSE(exit.timed_out);
  EXPECT_EQ(exit.status, -1);
  EXPECT_TRUE(eventually([&] { return target().processes("^yes") == 0; }, 2s));
  EXPECT_EQ(client.exec({"echo", "here"}).out, "here\n");
}

const std::vector<std::string> kOneByOne{"perl", "-e", "$|=1; print 'x' while 1"};

TEST_F(Faults, PacketsOfOneByteDelayNothingElseOnTheirConnection) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  Client::Stream drops;
  client.start(drops, kOneByOne);
  ASSERT_TRUE(client.wait([&] { return drops.bytes > 10'000; }));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.exec({"echo", "here"}).out, "here\n");
  client.cancel(drops);
  EXPECT_TRUE(eventually([&] { return target().processes("^perl") == 0; }, 2s));
  EXPECT_EQ(client.downs(), 0) << client.wait_down()->what();
}

TEST_F(Faults, AConnectionThatFillsItsMemoryIsEndedAsOverloaded) {
  auto options = impatient();
  options.allow.clear();
  options.ssh.session_memory = 400'000;
  options.ssh.turn_budget = 4'000'000;
  options.ssh.turn_time = 10s;
  Rig rig(options);
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  // What nobody reads stays: a stream whose owner takes its time, so that more comes than a turn can hold.
  Client::Stream drops;
  client.on_lane([&](ssh::Lane& lane) {
    Command command;
    command.argv = kOneByOne;
    drops.operation = lane.stream(
        command, [](std::string_view) { std::this_thread::sleep_for(300ms); }, [](Exit) {});
  });
  const auto error = client.wait_down();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kOverloaded) << error->what();
  EXPECT_NE(std::string(error->what()).find("small pieces"), std::string::npos) << error->what();
  EXPECT_TRUE(client.wait_up(2));
  client.cancel(drops);
}

TEST_F(Faults, AConnectionWhoseChannelsTheNodeNeverClosesIsReplaced) {
  auto options = impatient();
  options.allow.clear();
  options.ssh.close_timeout = 300ms;
  options.ssh.idle_linger = 400ms;
  Rig rig(options);
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  const std::vector<std::string> stubborn{"sh", "-c", "trap '' TERM HUP PIPE INT; echo on; sleep 1009"};
  std::deque<Client::Stream> running(5);
  for (auto& stream : running) client.start(stream, stubborn);
  ASSERT_TRUE(client.wait([&] {
    return std::all_of(running.begin(), running.end(), [](const auto& stream) { return stream.head == "on\n"; });
  }));
  for (auto& stream : running) client.cancel(stream);
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().channels_abandoned.value() >= 5; }));
  // Half of its places are lost: new commands find others.
  EXPECT_EQ(client.exec({"echo", "here"}).out, "here\n");
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().channels.value() == 0; }));
  EXPECT_EQ(client.downs(), 0);
  target().exec({"pkill", "-KILL", "-u", credential().username, "-f", "sleep 1009"});
}

}  // namespace
}  // namespace pillard::test
