#include "session/redis_connection.h"

#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/StreamSocket.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace pillard::session {
namespace {

using namespace std::chrono_literals;

/// Says one thing to each connection, in pieces: the next one whenever something was received.
class Scripted {
 public:
  explicit Scripted(std::vector<std::string> pieces, bool hangs = false)
      : listener_(Poco::Net::SocketAddress("127.0.0.1", 0)), thread_([this, pieces = std::move(pieces), hangs] {
          auto socket = listener_.acceptConnection();
          char buffer[4096];
          for (const auto& piece : pieces) {
            if (socket.receiveBytes(buffer, sizeof(buffer)) <= 0) return;
            socket.sendBytes(piece.data(), static_cast<int>(piece.size()));
          }
          while (hangs && socket.receiveBytes(buffer, sizeof(buffer)) > 0) {
          }
        }) {}
  ~Scripted() { thread_.join(); }
  config::RedisUrl url() const { return {.host = "127.0.0.1", .port = listener_.address().port()}; }

 private:
  Poco::Net::ServerSocket listener_;
  std::thread thread_;
};

const std::string kWelcome = "+PONG\r\n+PONG\r\n";
constexpr RedisConnection::Options kQuick{.connect_timeout = 300ms, .reply_timeout = 300ms};
const std::vector<RedisCommand> kGet{{"GET", "key"}};

TEST(RedisConnection, ReadsEachKindOfReply) {
  const Scripted server({kWelcome, "$3\r\na\r\n\r\n:-7\r\n+OK\r\n$-1\r\n-ERR secret\r\n+PONG\r\n"}, true);
  RedisConnection connection(server.url(), kQuick);
  ASSERT_FALSE(connection.open());
  RedisReplies replies;
  ASSERT_FALSE(connection.exchange({{"1"}, {"2"}, {"3"}, {"4"}, {"5"}}, replies));
  ASSERT_EQ(replies.size(), 5U);
  EXPECT_EQ(replies[0].text, "a\r\n");
  EXPECT_EQ(replies[1].number, -7);
  EXPECT_EQ(replies[2].text, "OK");
  EXPECT_EQ(replies[3].kind, RedisReply::Kind::kNothing);
  EXPECT_EQ(replies[4].kind, RedisReply::Kind::kError);
  EXPECT_EQ(replies[4].text, "ERR") << "the rest may repeat what was sent";
  connection.close();
}
TEST(RedisConnection, TakesNoReplyThatIsCutOff) {
  for (const auto* half : {"", "$", "$10", "$10\r\n", "$10\r\nabc", "$10\r\nabcdefghij", ":1", "+O", "*1"}) {
    const Scripted server({kWelcome, half});
    RedisConnection connection(server.url(), kQuick);
    ASSERT_FALSE(connection.open()) << half;
    RedisReplies replies;
    EXPECT_EQ(connection.exchange(kGet, replies), RedisTrouble::kLost) << half;
    EXPECT_TRUE(replies.empty()) << half;
    EXPECT_FALSE(connection.is_open()) << half;
  }
}
TEST(RedisConnection, TakesNoReplyThatIsNone) {
  for (const auto* nonsense : {"HTTP/1.1 400 Bad Request\r\n\r\n", "$x\r\n+PONG\r\n", ":x\r\n+PONG\r\n", "\r\n\r\n"}) {
    const Scripted server({kWelcome, nonsense});
    RedisConnection connection(server.url(), kQuick);
    ASSERT_FALSE(connection.open()) << nonsense;
    RedisReplies replies;
    EXPECT_TRUE(connection.exchange(kGet, replies)) << nonsense;
  }
}
TEST(RedisConnection, TellsSilenceFromALoss) {
  const Scripted server({kWelcome, "$10\r\nabc"}, true);
  RedisConnection connection(server.url(), kQuick);
  ASSERT_FALSE(connection.open());
  RedisReplies replies;
  EXPECT_EQ(connection.exchange(kGet, replies), RedisTrouble::kSilent);
  EXPECT_FALSE(connection.is_open());
}
TEST(RedisConnection, DoesNotOpenWhereNobodyListens) {
  const auto port = Poco::Net::ServerSocket(Poco::Net::SocketAddress("127.0.0.1", 0)).address().port();
  RedisConnection connection({.host = "127.0.0.1", .port = port}, kQuick);
  EXPECT_EQ(connection.open(), RedisTrouble::kUnreachable);
  RedisReplies replies;
  EXPECT_EQ(connection.exchange(kGet, replies), RedisTrouble::kLost);
}
TEST(RedisConnection, DoesNotOpenWhatIsNoHost) {
  RedisConnection connection({.host = "no-such-host.invalid"}, kQuick);
  EXPECT_EQ(connection.open(), RedisTrouble::kUnreachable);
}
TEST(RedisConnection, DoesNotOpenWhatIsNoRedis) {
  const Scripted server({"HTTP/1.1 400 Bad Request\r\n\r\n"});
  RedisConnection connection(server.url(), kQuick);
  EXPECT_TRUE(connection.open());
}
TEST(RedisConnection, DoesNotOpenWhatTakesNoMoreClients) {
  const Scripted server({"-ERR max number of clients reached\r\n-ERR\r\n"});
  RedisConnection connection(server.url(), kQuick);
  EXPECT_EQ(connection.open(), RedisTrouble::kNotReady);
}
TEST(RedisConnection, FallsBackToThePasswordAloneBeforeVersionSix) {
  const Scripted server({"-ERR wrong number of arguments for 'auth' command\r\n-NOAUTH\r\n", "+OK\r\n+PONG\r\n",
                         kWelcome, "+OK\r\n+PONG\r\n"});
  auto url = server.url();
  url.user = "h";
  url.password = "secret";
  url.database = 2;
  RedisConnection connection(url, kQuick);
  EXPECT_FALSE(connection.open());
}

}  // namespace
}  // namespace pillard::session
