#include "ssh/connection.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <future>
#include <optional>

namespace pillard::ssh {
namespace {

class Owner final : public Connection::Owner {
 public:
  void room(Connection&) override {}
  void turned_away(std::deque<std::shared_ptr<Run>>) override { ADD_FAILURE(); }
  void idle(Connection&, bool) override { ADD_FAILURE(); }
  void lost(Connection&, const Error& error) override { why.set_value(error); }
  std::promise<Error> why;
};

TEST(ConnectionTest, IsLostAsOverloadedWhenItsSocketCannotBeWatched) {
  reactor::Reactor reactor(0);
  const Options options;
  const auto metrics = SshMetrics::alone();
  Owner owner;
  // What epoll takes as little as a socket when the system has no room.
  auto transport = std::make_unique<Transport>(Fd(open("/dev/null", O_RDWR | O_CLOEXEC)), "node:22",
                                               Transport::Limits{.memory = options.session_memory}, metrics);
  const auto connection = std::make_shared<Connection>(reactor, options, metrics, owner, std::move(transport));
  connection->begin();
  EXPECT_FALSE(connection->takes());
  reactor.start();
  EXPECT_EQ(owner.why.get_future().get().code(), Code::kOverloaded);
  reactor.stop();
  reactor.join();
  EXPECT_EQ(metrics->connections.value(), 0);
}

TEST(ChannelTest, CountsTheWaitForACommandFromWhenItIsAskedFor) {
  Command command;
  command.argv = {"true"};
  const auto run = std::make_shared<ssh::Run>(command, ssh::Run::Sink{.data = {}, .done = [](Exit) {}});
  const auto opened = reactor::Clock::now();
  Channel channel(nullptr, nullptr, run, opened);
  EXPECT_TRUE(channel.starting());
  // Others were asked for first: that is not the node's slowness.
  const auto asked = opened + std::chrono::seconds(20);
  channel.ask(asked);
  EXPECT_EQ(channel.since(), asked);
}

TEST(OptionsTest, NoticeASilentNodeWithinFifteenSeconds) {
  const Options options;
  constexpr std::chrono::milliseconds kTwoLooks(1000);
  EXPECT_LE(options.keepalive + options.alive_timeout + kTwoLooks, std::chrono::seconds(15));
}

TEST(TryWatchTest, GivesAnEmptyWatchForWhatCannotBeWatched) {
  class Nobody final : public reactor::Watcher {
    void ready(std::uint32_t) override {}
  } watcher;
  reactor::Reactor reactor(0);
  EXPECT_FALSE(try_watch(reactor, -1, 0, watcher));
}

}  // namespace
}  // namespace pillard::ssh
