// What a login says of machines that are no SSH server, or are not there.
#include "ssh/login.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

namespace pillard::ssh {
namespace {

using namespace std::chrono_literals;

/// Listens on the loopback; what it says to the first one who comes is up to the test.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(fd_.get(), 16);
    socklen_t size = sizeof address;
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  std::uint16_t port() const { return port_; }
  Fd accept() const { return Fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }

 private:
  Fd fd_;
  std::uint16_t port_ = 0;
};

void say(const Fd& to, std::string_view text) {
  EXPECT_EQ(send(to.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

class Guest final : public Gate::Guest {
 public:
  void admitted() override { inside = true; }
  bool inside = false;
};

class LoginTest : public ::testing::Test {
 protected:
  LoginTest() { options_.connect_timeout = options_.handshake_timeout = 500ms; }
  ~LoginTest() override {
    reactor_.stop();
    reactor_.join();
    login_.reset();
    workers_.reset();
  }

  /// `full`: another one has taken the gate's only place.
  void begin(const std::string& host, std::uint16_t port, bool full = false) {
    auto to = std::make_shared<const session::Credential>(session::Credential{
        .host = host, .port = port, .username = "someone", .password = session::Secret("a secret")});
    means_.emplace(LoginMeans{.reactor = reactor_,
                              .workers = *workers_,
                              .resolver = resolver_,
                              .host_keys = host_keys_,
                              .options = options_,
                              .metrics = SshMetrics::alone(),
                              .handshakes = Gate(1, 1)});
    login_ = std::make_unique<Login>(*means_, std::move(to), Gate::Rank::kOrdinary,
                                     [this](Result<std::unique_ptr<Transport>> result) {
                                       answer_.set_value(result ? std::nullopt : std::optional(result.error()));
                                     });
    if (full) means_->handshakes.enter(other_, "another:22", Gate::Rank::kOrdinary);
    reactor_.start();
  }
  std::optional<Error> answer() { return answer_.get_future().get(); }
  std::string words_of(const std::optional<Error>& error) { return error ? error->what() : "no error"; }

  Options options_;
  reactor::Reactor reactor_{0};
  HostKeys host_keys_{{}};
  std::optional<reactor::Workers> workers_{std::in_place, reactor::Workers::Options{.name = "login-test"}};
  Resolver resolver_{*workers_, std::move(Egress::parse({.allow = {"127.0.0.0/8"}, .deny = {}})).value()};
  std::optional<LoginMeans> means_;
  Guest other_;
  std::unique_ptr<Login> login_;
  std::promise<std::optional<Error>> answer_;
};

TEST_F(LoginTest, SaysThatNothingListens) {
  std::uint16_t port = 0;
  {
    const Listener gone;
    port = gone.port();
  }
  begin("127.0.0.1", port);
  const auto error = answer();
  EXPECT_EQ(error->code(), Code::kDisconnected);
  EXPECT_NE(words_of(error).find("refused"), std::string::npos) << words_of(error);
  EXPECT_NE(words_of(error).find("127.0.0.1:" + std::to_string(port)), std::string::npos) << words_of(error);
}

TEST_F(LoginTest, SaysThatTheAddressMayNotBeConnectedTo) {
  begin("169.254.169.254", 22);
  EXPECT_EQ(answer()->code(), Code::kAccessDenied);
}

TEST_F(LoginTest, SaysThatAnHttpServerIsNoSshServer) {
  const Listener listener;
  begin("127.0.0.1", listener.port());
  auto peer = listener.accept();
  say(peer, "HTTP/1.1 400 Bad Request\r\n\r\n");
  peer = Fd();
  const auto error = answer();
  EXPECT_EQ(error->code(), Code::kDisconnected) << words_of(error);
  EXPECT_NE(words_of(error).find("not an SSH server"), std::string::npos) << words_of(error);
}

TEST_F(LoginTest, SaysThatTheServerHungUpAtOnce) {
  const Listener listener;
  begin("127.0.0.1", listener.port());
  listener.accept();
  const auto error = answer();
  EXPECT_EQ(error->code(), Code::kDisconnected);
}

TEST_F(LoginTest, GivesUpOnAServerThatSaysNothing) {
  const Listener listener;
  begin("127.0.0.1", listener.port());
  const auto peer = listener.accept();
  const auto error = answer();
  EXPECT_EQ(error->code(), Code::kTimeout) << words_of(error);
}

TEST_F(LoginTest, GivesUpOnAServerThatNeverFinishesTheHandshake) {
  const Listener listener;
  begin("127.0.0.1", listener.port());
  const auto peer = listener.accept();
  say(peer, "SSH-2.0-OpenSSH_9.2p1\r\n");
  const auto error = answer();
  EXPECT_EQ(error->code(), Code::kTimeout) << words_of(error);
}

TEST_F(LoginTest, GivesUpEarlyOnAServerWithoutABanner) {
  options_.handshake_timeout = 1h;
  options_.banner_timeout = 50ms;
  const Listener listener;
  begin("127.0.0.1", listener.port());
  const auto peer = listener.accept();
  const auto error = answer();
  EXPECT_EQ(error->code(), Code::kTimeout) << words_of(error);
}

TEST_F(LoginTest, GivesAServerWithABannerTheWholeTime) {
  options_.handshake_timeout = 400ms;
  options_.banner_timeout = 200ms;
  const Listener listener;
  const auto start = std::chrono::steady_clock::now();
  begin("127.0.0.1", listener.port());
  const auto peer = listener.accept();
  say(peer, "SSH-2.0-OpenSSH_9.2p1\r\n");
  EXPECT_EQ(answer()->code(), Code::kTimeout);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 400ms);
}

TEST_F(LoginTest, IsOverloadedWhenItsTurnDoesNotCome) {
  options_.connect_timeout = options_.handshake_timeout = 25ms;
  const Listener listener;
  begin("127.0.0.1", listener.port(), true);
  const auto error = answer();
  EXPECT_EQ(error->code(), Code::kOverloaded) << words_of(error);
}

TEST_F(LoginTest, EndsOnAnEndlessBanner) {
  const Listener listener;
  begin("127.0.0.1", listener.port());
  const auto peer = listener.accept();
  const std::string line(200, 'x');
  for (int i = 0; i < 20; ++i) send(peer.get(), (line + "\r\n").data(), line.size() + 2, MSG_NOSIGNAL);
  EXPECT_NE(words_of(answer()).find("not an SSH server"), std::string::npos);
}

TEST_F(LoginTest, FailsOnGarbageInsteadOfAKeyExchange) {
  const Listener listener;
  begin("127.0.0.1", listener.port());
  const auto peer = listener.accept();
  say(peer, "SSH-2.0-OpenSSH_9.2p1\r\n");
  say(peer, std::string(4096, '\xff'));
  const auto error = answer();
  EXPECT_EQ(error->code(), Code::kDisconnected) << words_of(error);
}

/// The first packet of a server that offers these methods of key exchange, and for the rest what libssh2 likes.
std::string key_exchange_offer(const std::string& methods) {
  const auto word = [](std::size_t value) {
    return std::string{'\0', '\0', static_cast<char>(value >> 8U), static_cast<char>(value)};
  };
  std::string body = "\x14" + std::string(16, 'c');
  for (const std::string& list : {methods, std::string("ssh-ed25519"), std::string("aes128-ctr"),
                                  std::string("aes128-ctr"), std::string("hmac-sha2-256"), std::string("hmac-sha2-256"),
                                  std::string("none"), std::string("none"), std::string(), std::string()})
    body += word(list.size()) + list;
  body += std::string(5, '\0');
  const auto padding = 4 + (8 - (body.size() + 9) % 8) % 8;
  return word(body.size() + padding + 1) + static_cast<char>(padding) + body + std::string(padding, '\0');
}

TEST_F(LoginTest, ExchangesNoKeysInAGroupThatTheServerChooses) {
  const Listener listener;
  begin("127.0.0.1", listener.port());
  const auto peer = listener.accept();
  say(peer, "SSH-2.0-OpenSSH_9.2p1\r\n");
  say(peer, key_exchange_offer("diffie-hellman-group-exchange-sha256,diffie-hellman-group-exchange-sha1,"
                               "diffie-hellman-group18-sha512,diffie-hellman-group1-sha1"));
  const auto error = answer();
  EXPECT_EQ(error->code(), Code::kUnsupported) << words_of(error);
  EXPECT_NE(words_of(error).find("offers: curve25519-sha256, "), std::string::npos) << words_of(error);
  EXPECT_NE(words_of(error).find("diffie-hellman-group14-sha256; host"), std::string::npos) << words_of(error);
  EXPECT_EQ(words_of(error).find("group-exchange"), std::string::npos) << words_of(error);
}

TEST_F(LoginTest, ExchangesKeysInAGroupThatIsKnown) {
  const Listener listener;
  begin("127.0.0.1", listener.port());
  const auto peer = listener.accept();
  say(peer, "SSH-2.0-OpenSSH_9.2p1\r\n");
  say(peer, key_exchange_offer("diffie-hellman-group14-sha256"));
  EXPECT_EQ(answer()->code(), Code::kTimeout);
}

TEST_F(LoginTest, NeverPutsThePasswordIntoItsWords) {
  const Listener listener;
  begin("127.0.0.1", listener.port());
  listener.accept();
  EXPECT_EQ(words_of(answer()).find("a secret"), std::string::npos);
}

TEST_F(LoginTest, CanBeDroppedAtAnyMoment) {
  const Listener listener;
  begin("127.0.0.1", listener.port());
  const auto peer = listener.accept();
  std::promise<void> dropped;
  reactor_.post([&] {
    login_.reset();
    dropped.set_value();
  });
  dropped.get_future().get();
  char byte = 0;
  while (recv(peer.get(), &byte, 1, 0) > 0) continue;
}

TEST(GateTest, AdmitsTheNextOneWhenOneLeaves) {
  Gate gate(2, 2);
  Guest first, second, third, fourth;
  for (auto* guest : {&first, &second, &third, &fourth}) gate.enter(*guest, "node:22", Gate::Rank::kOrdinary);
  EXPECT_TRUE(first.inside && second.inside);
  EXPECT_FALSE(third.inside || fourth.inside);
  gate.leave(third);
  gate.leave(first);
  EXPECT_FALSE(third.inside);
  EXPECT_TRUE(fourth.inside);
}

TEST(GateTest, LeavesPlacesToOtherNodes) {
  Gate gate(3, 2);
  Guest first, second, third, other;
  for (auto* guest : {&first, &second, &third}) gate.enter(*guest, "slow:22", Gate::Rank::kOrdinary);
  gate.enter(other, "quick:22", Gate::Rank::kOrdinary);
  EXPECT_TRUE(first.inside && second.inside && other.inside);
  EXPECT_FALSE(third.inside);
  gate.leave(other);
  EXPECT_FALSE(third.inside);
  gate.leave(second);
  EXPECT_TRUE(third.inside);
}

TEST(GateTest, AdmitsTheFirstBeforeTheOrdinary) {
  Gate gate(1, 1);
  Guest inside, ordinary, first, second;
  gate.enter(inside, "a:22", Gate::Rank::kOrdinary);
  gate.enter(ordinary, "b:22", Gate::Rank::kOrdinary);
  gate.enter(first, "c:22", Gate::Rank::kFirst);
  gate.enter(second, "d:22", Gate::Rank::kFirst);
  gate.leave(inside);
  EXPECT_TRUE(first.inside);
  gate.leave(first);
  EXPECT_TRUE(second.inside);
  EXPECT_FALSE(ordinary.inside);
  gate.leave(second);
  EXPECT_TRUE(ordinary.inside);
}

TEST(SocketErrorTest, ToldErrorsArePassingAndNameTheNode) {
  for (const int error : {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, ECONNRESET, EMFILE, EIO}) {
    const auto told = socket_error(error, "node:22");
    EXPECT_TRUE(passing(told.code()));
  }
  EXPECT_EQ(socket_error(ETIMEDOUT, "node:22").code(), Code::kTimeout);
}

}  // namespace
}  // namespace pillard::ssh
