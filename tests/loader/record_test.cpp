// `pillard record` as far as it goes without a node that lets it in.
#include "cli/record.h"

#include <pthread.h>

#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/StreamSocket.h>

#include <csignal>
#include <sstream>
#include <thread>

#include "loader_fixture.h"

namespace pillard::loader {
namespace {

using ::testing::HasSubstr;

class RecordTest : public LoaderTest {
 protected:
  RecordTest() {
    wanted.plugin = place("good");
    wanted.to = directory / "testdata";
  }
  /// Why nothing was recorded.
  std::string refusal() {
    try {
      cli::record(wanted, out);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "not refused";
  }
  // Nobody listens there: what is refused is refused before.
  cli::Record wanted{.node = {.host = "127.0.0.1", .port = 1, .username = "eth", .password = session::Secret("pw")},
                     .known_hosts = {},
                     .host_keys = ssh::HostKeyMode::kOff,
                     .plugin = {},
                     .configuration = {},
                     .subscriptions = {},
                     .calls = {},
                     .to = {}};
  std::ostringstream out;
};

TEST_F(RecordTest, NamesACallThatThereIsNot) {
  wanted.calls = {{.type = "ask_nothing", .params = {}}};
  EXPECT_EQ(refusal(), "good offers no call \"ask_nothing\"");
  EXPECT_FALSE(std::filesystem::exists(wanted.to));
}

TEST_F(RecordTest, TellsStreamsFromCalls) {
  wanted.calls = {{.type = "subscribe_echo", .params = {}}};
  EXPECT_EQ(refusal(), "\"subscribe_echo\" is a stream of good: --subscribe takes it");
  wanted.calls = {};
  wanted.subscriptions = {{.type = "ask_echo", .params = {}}};
  EXPECT_EQ(refusal(), "\"ask_echo\" is a call of good: --call takes it");
  EXPECT_FALSE(std::filesystem::exists(wanted.to));
}

TEST_F(RecordTest, OverwritesNoAnswerOfACall) {
  wanted.calls = {{.type = "ask_echo", .params = {}}};
  wanted.to = directory;
  for (const auto* kind : {"recording", "reply", "problem"}) {
    const auto name = std::string("ask_echo.") + kind;
    write(name, "mine\n");
    EXPECT_THAT(refusal(), HasSubstr(name + " is there already"));
    std::filesystem::remove(directory / name);
  }
}

TEST_F(RecordTest, WritesNothingWhenASignalEndsItBeforeTheNodeWasReached) {
  Poco::Net::ServerSocket mute(Poco::Net::SocketAddress("127.0.0.1", 0));
  wanted.node.port = mute.address().port();
  wanted.calls = {{.type = "ask_echo", .params = {}}};
  wanted.subscriptions = {{.type = "subscribe_echo", .params = {}}};
  Poco::Net::StreamSocket connected;  // says nothing, and stays
  std::thread interrupting([&, recording = ::pthread_self()] {
    connected = mute.acceptConnection();
    ::pthread_kill(recording, SIGINT);
  });
  EXPECT_EQ(refusal(), "it was ended before the node was reached");
  interrupting.join();
  EXPECT_TRUE(std::filesystem::is_empty(wanted.to));
}

}  // namespace
}  // namespace pillard::loader
