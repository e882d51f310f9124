#include "ssh/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <future>

namespace pillard::ssh {
namespace {

using namespace std::chrono_literals;

Address loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  Address result;
  result.length = sizeof address;
  std::memcpy(&result.storage, &address, sizeof address);
  return result;
}

/// A port of the loopback; nothing listens there unless asked for.
class Port {
 public:
  explicit Port(bool listening) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto address = loopback(0);
    bind(fd_.get(), reinterpret_cast<sockaddr*>(&address.storage), address.length);
    if (listening) listen(fd_.get(), 1);
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length);
    sockaddr_in bound{};
    std::memcpy(&bound, &address.storage, sizeof bound);
    number_ = ntohs(bound.sin_port);
  }
  std::uint16_t number() const { return number_; }

 private:
  Fd fd_;
  std::uint16_t number_ = 0;
};

struct Outcome {
  Fd fd;
  std::optional<Error> error;
};

Outcome connect_to(std::vector<Address> addresses) {
  reactor::Reactor reactor(0);
  std::promise<Outcome> outcome;
  Connector::Target target;
  target.addresses = std::move(addresses);
  target.where = "node:22";
  target.timeout = 2s;
  const Connector connector(reactor, std::move(target), [&](Fd fd, std::optional<Error> error) {
    outcome.set_value({std::move(fd), std::move(error)});
  });
  reactor.start();
  auto result = outcome.get_future().get();
  reactor.stop();
  reactor.join();
  return result;
}

TEST(ConnectorTest, GoesOnToTheNextAddress) {
  const Port closed(false);
  const Port open(true);
  const auto outcome = connect_to({loopback(closed.number()), loopback(open.number())});
  EXPECT_TRUE(outcome.fd);
  EXPECT_FALSE(outcome.error);
}

TEST(ConnectorTest, TellsTheLastErrorWhenNoAddressAnswers) {
  const Port first(false);
  const Port last(false);
  const auto outcome = connect_to({loopback(first.number()), loopback(last.number())});
  EXPECT_FALSE(outcome.fd);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), Code::kDisconnected);
}

TEST(ConnectorTest, NeverBlocksAndLeavesNothingToChildren) {
  const Port open(true);
  const auto outcome = connect_to({loopback(open.number())});
  ASSERT_TRUE(outcome.fd);
  EXPECT_TRUE(fcntl(outcome.fd.get(), F_GETFL) & O_NONBLOCK);
  EXPECT_TRUE(fcntl(outcome.fd.get(), F_GETFD) & FD_CLOEXEC);
}

TEST(ConnectorTest, SaysNothingOnceItIsGone) {
  const Port open(true);
  reactor::Reactor reactor(0);
  Connector::Target target;
  target.addresses = {loopback(open.number())};
  {
    const Connector connector(reactor, std::move(target),
                              [](Fd, std::optional<Error>) { ADD_FAILURE() << "was called"; });
  }
  std::promise<void> turned;
  reactor.start();
  reactor.post([&] { turned.set_value(); });
  turned.get_future().get();
}

}  // namespace
}  // namespace pillard::ssh
