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
  const auto counters = std::make_shared<Counters>();
  Owner owner;
  // What epoll takes as little as a socket when the system has no room.
  auto transport = std::make_unique<Transport>(Fd(open("/dev/null", O_RDWR | O_CLOEXEC)), "node:22",
                                               Transport::Limits{.memory = options.session_memory}, counters);
  const auto connection = std::make_shared<Connection>(reactor, options, counters, owner, std::move(transport));
  connection->begin();
  EXPECT_FALSE(connection->takes());
  reactor.start();
  EXPECT_EQ(owner.why.get_future().get().code(), Code::kOverloaded);
  reactor.stop();
  reactor.join();
  EXPECT_EQ(counters->connections, 0);
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
