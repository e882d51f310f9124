#include "transport/listener.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>

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

/// The socket of this process that talks to the peer's port; -1: none.
int socket_to(std::uint16_t port) {
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0 && peer.sin_family == AF_INET &&
        ntohs(peer.sin_port) == port)
      return fd;
  }
  return -1;
}

TEST(Listener, NoticesClientsThatVanishSoonerThanTcpDoes) {
  test::EchoSite site;
  test::Server server{{.limits = {.stall_timeout = std::chrono::seconds(20)}}};
  server.start(site);
  auto client = server.connect();
  client.send(kGet);
  EXPECT_EQ(client.answer().status, 200);
  const int accepted = socket_to(client.port());
  ASSERT_GE(accepted, 0);
  unsigned timeout = 0;
  socklen_t length = sizeof timeout;
  ASSERT_EQ(::getsockopt(accepted, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &length), 0);
  EXPECT_EQ(timeout, 30'000U) << "behind our own, which says why";
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

TEST(Listener, RefusesAnAddressThatHasTooManyInWords) {
  class NarrowSite final : public test::EchoSite {
   public:
    std::optional<AddressLimit::Place> enter(const wire::Address& peer) override { return narrow.take(peer); }
    AddressLimit narrow{1};
  };
  NarrowSite site;
  test::Server server{{}};
  server.start(site);
  auto one = server.connect();
  ASSERT_TRUE(server.open_become(1));
  auto two = server.connect();
  const auto answer = two.answer();
  EXPECT_EQ(answer.status, 429);
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(answer.has("Retry-After: 5\r\n"));
  EXPECT_NE(answer.body.find("Too many connections from this address"), std::string::npos);
  EXPECT_TRUE(two.ends());
  EXPECT_EQ(server.metrics.limits.connections_per_address.value(), 1U);
  EXPECT_TRUE(server.spine.logged.wait_for("client=127.0.0.1"));
  one.leave();
  ASSERT_TRUE(server.open_become(0));
  auto three = server.connect();
  three.send(kGet);
  EXPECT_EQ(three.answer().status, 200);
  server.stop();
}

class UnixListener : public testing::Test {
 protected:
  UnixListener() {
    char name[] = "/tmp/pillard-listener-XXXXXX";
    directory = ::mkdtemp(name);
    path = directory + "/socket";
  }
  ~UnixListener() override {
    server.stop();
    std::filesystem::remove_all(directory);
  }
  config::Endpoint endpoint() const { return {.path = path}; }
  /// What keeps another listener from this path.
  std::string refusal() {
    try {
      const Listener other(endpoint(), {server.homes[0].get()}, site, server.ids, server.spine.log, server.metrics, 10);
      return "none";
    } catch (const std::system_error& error) {
      return error.what();
    }
  }
  std::string directory;
  std::string path;
  test::EchoSite site;
  test::Server server{{}};
};

TEST_F(UnixListener, ServesWhoeverMayOpenIt) {
  server.start(site, endpoint(), {.unix_mode = 0600});
  struct stat file {};
  ASSERT_EQ(::lstat(path.c_str(), &file), 0);
  EXPECT_TRUE(S_ISSOCK(file.st_mode));
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  test::RawClient client(path);
  client.send(kGet);
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(server.listener->endpoint().text(), "unix:" + path);
  server.stop();
  EXPECT_NE(::lstat(path.c_str(), &file), 0) << "removed at the end";
}

TEST_F(UnixListener, TakesTheRightsThatItIsToldWhateverTheMask) {
  const auto mask = ::umask(0777);
  server.start(site, endpoint(), {.unix_mode = 0666});
  ::umask(mask);
  struct stat file {};
  ASSERT_EQ(::lstat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0666U);
}

TEST_F(UnixListener, ReplacesASocketThatNobodyListensOn) {
  const int left = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(left, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(left);
  server.start(site, endpoint());
  test::RawClient client(path);
  client.send(kGet);
  EXPECT_EQ(client.answer().status, 200);
}

TEST_F(UnixListener, LeavesASocketAloneThatSomebodyListensOn) {
  server.start(site, endpoint());
  EXPECT_NE(refusal().find("cannot listen on unix:" + path + ": somebody listens there"), std::string::npos);
  test::RawClient client(path);
  client.send(kGet);
  EXPECT_EQ(client.answer().status, 200);
}

TEST_F(UnixListener, LeavesAFileAloneThatIsNoSocket) {
  std::ofstream(path) << "precious";
  EXPECT_NE(refusal().find("something that is no socket is at this path"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(UnixListener, NamesADirectoryThatDoesNotExist) {
  path = directory + "/nowhere/socket";
  EXPECT_NE(refusal().find("No such file or directory"), std::string::npos);
}

TEST_F(UnixListener, DoesNotRemoveWhatAnotherOnePutThereMeanwhile) {
  server.start(site, endpoint());
  ASSERT_TRUE(std::filesystem::remove(path));
  std::ofstream(path) << "new";
  server.stop();
  EXPECT_TRUE(std::filesystem::exists(path));
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
