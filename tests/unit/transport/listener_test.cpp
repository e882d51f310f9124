#include "transport/listener.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "unit/transport/fixture.h"

namespace pillard::transport {
namespace {

constexpr auto kGet = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST(Listener, TellsThePortThatItGot) {
  test::EchoSite site;
  test::Server server{{}};
  server.start(site);
  EXPECT_NE(server.port(), 0);
  EXPECT_EQ(server.listener->endpoint().host, "127.0.0.1");
}

TEST(Listener, NamesTheAddressThatItCannotHave) {
  test::EchoSite site;
  test::Server server{{}};
  server.start(site);
  const auto taken = server.listener->endpoint();
  try {
    const Listener second(taken, {server.homes[0].get()}, site, server.ids, server.spine.log, server.metrics, 10);
    FAIL() << "two listeners on one port";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
    EXPECT_NE(std::string(error.what()).find("cannot listen on " + taken.text()), std::string::npos);
  }
}

TEST(Listener, GivesEachConnectionToTheLoopWithTheFewest) {
  test::EchoSite site;
  test::Server server{{.spine = {.reactors = 2}}};
  server.start(site);
  std::vector<test::RawClient> clients;
  for (std::size_t i = 1; i <= 6; ++i) {
    clients.push_back(server.connect());
    clients.back().send(kGet);
    EXPECT_EQ(clients.back().answer().status, 200);
  }
  EXPECT_EQ(server.homes[0]->count, 3U);
  EXPECT_EQ(server.homes[1]->count, 3U);
  clients.clear();
  EXPECT_TRUE(server.open_become(0));
  EXPECT_EQ(server.homes[0]->count + server.homes[1]->count, 0U);
}

TEST(Listener, RefusesWhatIsTooManyAndTakesMoreWhenSomeHaveLeft) {
  test::EchoSite site;
  test::Server server{{.limits = {.connections = 2}}};
  server.start(site);
  auto one = server.connect();
  auto two = server.connect();
  ASSERT_TRUE(server.open_become(2));
  auto three = server.connect();
  const auto answer = three.answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(three.ends());
  EXPECT_EQ(server.metrics.refused.value(), 1U);
  one.leave();
  ASSERT_TRUE(server.open_become(1));
  auto four = server.connect();
  four.send(kGet);
  EXPECT_EQ(four.answer().status, 200);
}

TEST(Listener, LeavesNewConnectionsAloneAfterStop) {
  test::EchoSite site;
  test::Server server{{}};
  server.start(site);
  test::on(server.spine.reactors[0], [&] { server.listener->stop(); });
  auto client = server.connect();  // the kernel's backlog takes it
  client.send(kGet);
  EXPECT_EQ(client.wait(1, std::chrono::milliseconds(50)), "");
  EXPECT_EQ(server.metrics.accepted.value(), 0U);
}

/// No descriptor above the lowest ones can be made while this lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{.rlim_cur = 3, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Listener, RestsWhileThereAreNoDescriptorsAndThenGoesOn) {
  test::EchoSite site;
  test::Server server{{}};
  server.start(site);
  test::RawClient client;
  {
    const NoDescriptors none;
    client.connect(server.port());
    ASSERT_TRUE(server.spine.logged.wait_for("accepting pauses"));
  }
  client.send(kGet);
  EXPECT_EQ(client.answer().status, 200);
  std::size_t told = 0;
  for (const auto& line : server.spine.logged.lines()) told += line.find("accepting pauses") != std::string::npos;
  EXPECT_EQ(told, 1U) << "not once for each turn of the loop";
}

}  // namespace
}  // namespace pillard::transport
