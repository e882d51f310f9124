// Networks that break, nodes that hang, daemons that stop at the wrong moment.
#include <deque>

#include "node_test.h"

namespace pillard::test {
namespace {

class Trouble : public NodeTest {
 protected:
  static RigOptions impatient() {
    RigOptions options;
    options.ssh.keepalive = 800ms;
    options.ssh.alive_timeout = 600ms;
    options.ssh.answer_timeout = 1200ms;
    options.ssh.connect_timeout = 1s;
    options.ssh.backoff_first = 100ms;
    options.ssh.backoff_most = 400ms;
    return options;
  }
};

TEST_F(Trouble, NoticesACutAndComesBackByItself) {
  Rig rig(impatient());
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  Client::Stream silent;
  client.start(silent, {"sleep", "1004"});
  ASSERT_TRUE(eventually([&] { return target().processes("^sleep 1004") == 1; }));
  target().link(false);
  const auto error = client.wait_down(1, 5s);
  EXPECT_TRUE(error && passing(error->code()));
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().login_failures.value() >= 2; }, 8s));
  EXPECT_EQ(client.downs(), 1) << client.wait_down(2)->what();
  target().link(true);
  ASSERT_TRUE(client.wait_up(2)) << client.wait_down(client.downs())->what();
  EXPECT_EQ(client.exec({"echo", "back"}).out, "back\n");
  EXPECT_FALSE(silent.exit);
  client.cancel(silent);
}

TEST_F(Trouble, NoticesANodeThatHangsWhileItsKernelAnswers) {
  Rig rig(impatient());
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  target().freeze(true);
  const auto error = client.wait_down(1, 5s);
  target().freeze(false);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kTimeout) << error->what();
  EXPECT_TRUE(client.wait_up(2));
}

TEST_F(Trouble, ComesBackAfterTheNodesEndOfTheConnectionWasKilled) {
  Rig rig(impatient());
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  Client::Stream stream;
  client.start(stream, {"sleep", "1005"});
  target().exec({"pkill", "-KILL", "-f", "^sshd: " + credential().username});
  const auto error = client.wait_down();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kDisconnected) << error->what();
  EXPECT_TRUE(client.wait_up(2));
  EXPECT_EQ(client.exec({"echo", "back"}).out, "back\n");
  EXPECT_FALSE(stream.exit);
  client.on_lane([&](ssh::Lane&) { EXPECT_FALSE(stream.operation->active()); });
  client.cancel(stream);
}

TEST_F(Trouble, StartsNothingWhileTheLaneIsDown) {
  Rig rig(impatient());
  Client client(rig, target().credential("wrong"));
  ASSERT_TRUE(client.wait_down());
  client.on_lane([](ssh::Lane& lane) {
    Command command;
    command.argv = {"true"};
    const auto operation = lane.exec(command, [](Exit) { ADD_FAILURE() << "ran"; });
    EXPECT_FALSE(operation->active());
  });
}

/// Uses and commands on a lane that is taken down `after` so many milliseconds.
void run_and_stop(const session::Credential& credential, std::chrono::milliseconds after) {
  class User final : public ssh::Lane::User {
   public:
    void start(ssh::Lane& lane) {
      lane_ = &lane;
      use_ = lane.use(*this);
    }

   private:
    void lane_up() override {
      Command command;
      for (int i = 0; i < 12; ++i) {
        command.argv = i % 3 == 0 ? std::vector<std::string>{"yes"} : std::vector<std::string>{"sleep", "0.02"};
        running_.push_back(i % 2 == 0 ? lane_->exec(command, [this](Exit) { running_.clear(); })
                                      : lane_->stream(
                                            command, [](std::string_view) {}, [](Exit) {}));
      }
    }
    void lane_down(const Error&) override {}
    ssh::Lane* lane_ = nullptr;
    ssh::Lane::Use use_;
    std::deque<std::unique_ptr<ssh::Operation>> running_;
  };
  std::deque<User> users(3);
  Rig rig;
  Bell bell;
  bool over = false;
  reactor::Timer timer;
  rig.on_lane(credential, [&](ssh::Lane& lane) {
    for (auto& user : users) user.start(lane);
    rig.pool().verify(credential, rig.reactor_of(credential), [](const std::optional<Error>&) {});
    timer = rig.reactor_of(credential).after(after, [&] { bell.ring([&] { over = true; }); });
  });
  EXPECT_TRUE(bell.wait([&] { return over; }));
  rig.stop();
  timer.reset();
}

TEST_F(Trouble, CanBeStoppedInTheMiddleOfAnything) {
  for (int ms = 0; ms < 24; ++ms) run_and_stop(credential(), std::chrono::milliseconds(ms));
  for (int ms = 25; ms < 600; ms += 40) run_and_stop(credential(), std::chrono::milliseconds(ms));
}

}  // namespace
}  // namespace pillard::test
