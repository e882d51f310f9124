// Commands: what they are given, what comes back, and that they end.
#include <algorithm>
#include <deque>
#include <numeric>

#include "node_test.h"

namespace pillard::test {
namespace {

class Exec : public NodeTest {};

TEST_F(Exec, HandsEveryByteOfAnArgumentToTheProgram) {
  std::string bytes(255, ' ');
  std::iota(bytes.begin(), bytes.end(), '\1');
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  const auto exit = client.exec({"printf", "%s", bytes});
  EXPECT_EQ(exit.out, bytes);
  EXPECT_EQ(exit.status, 0) << exit.err;
}

TEST_F(Exec, CarriesHundredsOfArguments) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::vector<std::string> argv = {"sh", "-c", "printf '%s\\n' \"$@\"", "sh"};
  std::string expected;
  for (int at = 0; at < 256; ++at) {
    argv.push_back("/mnt/it's number " + std::to_string(at) + std::string(46, 'x'));
    expected += argv.back() + "\n";
  }
  const auto exit = client.exec(argv);
  EXPECT_EQ(exit.out, expected);
  EXPECT_EQ(exit.status, 0) << exit.err;
}

TEST_F(Exec, TellsStatusAndBothOutputsApart) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  const auto exit = client.exec({"sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(exit.status, 7);
  EXPECT_EQ(exit.out, "out\n");
  EXPECT_EQ(exit.err, "err\n");
  EXPECT_FALSE(exit.truncated);
}

TEST_F(Exec, NamesTheSignalThatEndedAProgram) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  const auto exit = client.exec({"sh", "-c", "kill -KILL $$"});
  EXPECT_EQ(exit.status, -1);
  EXPECT_EQ(exit.signal, "KILL");
}

TEST_F(Exec, CutsOutputAtItsLimitAndSaysSo) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  Command command;
  command.max_output = 100'000;
  const auto exit = client.exec({"head", "-c", "3000000", "/dev/zero"}, command);
  EXPECT_EQ(exit.status, 0);
  EXPECT_EQ(exit.out.size(), 100'000U);
  EXPECT_TRUE(exit.truncated);
}

TEST_F(Exec, EndsAProgramWhoseTimeIsUp) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  Command command;
  command.timeout = 300ms;
  const auto exit = client.exec({"sleep", "1001"}, command);
  EXPECT_TRUE(exit.timed_out);
  EXPECT_EQ(exit.status, -1);
  EXPECT_TRUE(eventually([&] { return target().processes("^sleep 1001") == 0; }, 1s));
}

TEST_F(Exec, RefusesAnArgumentThatNoShellCanCarry) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  client.on_lane([](ssh::Lane& lane) {
    Command command;
    command.argv = {"printf", std::string("a\0b", 3)};
    try {
      const auto operation = lane.exec(command, [](Exit) {});
      ADD_FAILURE() << "was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kBadRequest);
    }
  });
}

/// Starts twenty commands that stay, and waits until all run.
bool run_twenty(Client& client, std::deque<Client::Stream>& running) {
  running.resize(20);
  for (auto& stream : running) client.start(stream, {"sh", "-c", "echo on; exec sleep 1006"});
  return client.wait([&] {
    return std::all_of(running.begin(), running.end(), [](const auto& stream) { return stream.head == "on\n"; });
  });
}

TEST_F(Exec, RunsTwentyCommandsAtOnceOverThreeConnections) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::deque<Client::Stream> running;
  EXPECT_TRUE(run_twenty(client, running));
  EXPECT_EQ(rig.pool().metrics().connections.value(), 3);
  for (auto& stream : running) client.cancel(stream);
  EXPECT_TRUE(eventually([&] { return target().processes("^sleep 1006") == 0; }, 1s));
}

TEST_F(Exec, EndsSilentProgramsOnTheNodeWhenTheyAreCancelled) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::deque<Client::Stream> streams(20);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (i % 2 == 0) {
      client.start(streams[i], {"sleep", "1003"});
    } else {
      client.start(streams[i], {"tail", "-f", "/dev/null"});
    }
  }
  const auto running = [&] { return target().processes("^sleep 1003") + target().processes("^tail -f /dev/null"); };
  ASSERT_TRUE(eventually([&] { return running() == 20; })) << running();
  for (auto& stream : streams) client.cancel(stream);
  EXPECT_TRUE(eventually([&] { return running() == 0; }, 1s)) << running();
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().channels.value() == 0; }, 4s));
  EXPECT_EQ(rig.pool().metrics().channels_abandoned.value(), 0U);
}

TEST_F(Exec, ClosesFurtherConnectionsWhenTheyAreIdle) {
  RigOptions options;
  options.ssh.idle_linger = 300ms;
  options.ssh.keepalive = 500ms;
  Rig rig(options);
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::deque<Client::Stream> running;
  EXPECT_TRUE(run_twenty(client, running));
  for (auto& stream : running) client.cancel(stream);
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().connections.value() == 1; }, 5s));
  EXPECT_EQ(client.exec({"echo", "still here"}).out, "still here\n");
  EXPECT_EQ(client.downs(), 0);
}

TEST_F(Exec, ServesMoreCommandsThanTheNodeAllowsAtOnce) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::deque<Client::Stream> running(100);
  for (std::size_t i = 0; i < running.size(); ++i) client.start_exec(running[i], {"echo", std::to_string(i)});
  EXPECT_TRUE(client.wait(
      [&] {
        return std::all_of(running.begin(), running.end(), [](const auto& stream) { return stream.exit.has_value(); });
      },
      20s));
  for (std::size_t i = 0; i < running.size(); ++i) EXPECT_EQ(running[i].exit->out, std::to_string(i) + "\n");
  EXPECT_LE(rig.pool().metrics().connections.value(), 4);
}

bool all_on(const std::deque<Client::Stream>& streams) {
  return std::all_of(streams.begin(), streams.end(), [](const auto& stream) { return stream.head == "on\n"; });
}

TEST_F(Exec, RefusesAStreamThatWouldTakeTheLastChannelsFromOthers) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::deque<Client::Stream> running(30);
  for (auto& stream : running) client.start(stream, {"sh", "-c", "echo on; exec sleep 1007"});
  EXPECT_TRUE(client.wait([&] { return all_on(running); }));
  Client::Stream further;
  try {
    client.start(further, {"true"});
    ADD_FAILURE() << "was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kOverloaded);
    EXPECT_EQ(std::string(error.what()).find("30 streams run on " + target().where() + " with this login, and 30 is"),
              0U)
        << error.what();
  }
  EXPECT_EQ(client.exec({"echo", "here"}).out, "here\n");
  client.cancel(running.front());
  client.start(further, {"echo", "on"});
  EXPECT_TRUE(client.wait([&] { return further.head == "on\n"; }));
  for (auto& stream : running) client.cancel(stream);
  client.cancel(further);
}

TEST_F(Exec, KeepsAChannelForCommandsOnANodeThatGivesOneSession) {
  const Target::SshdSettings settings(target(), "MaxSessions 1\n");
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::deque<Client::Stream> running(5);
  for (auto& stream : running) client.start(stream, {"sh", "-c", "echo on; exec sleep 1008"});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.exec({"echo", "here"}).out, "here\n");
  const auto count = [&](auto fits) { return std::count_if(running.begin(), running.end(), fits); };
  EXPECT_TRUE(client.wait([&] {
    return count([](const auto& stream) { return stream.head == "on\n" && !stream.exit; }) == 3 &&
           count([](const auto& stream) { return stream.exit.has_value(); }) == 2;
  }));
  for (const auto& stream : running) {
    if (!stream.exit) continue;
    EXPECT_NE(stream.exit->err.find("3 is the limit"), std::string::npos) << stream.exit->err;
  }
  EXPECT_EQ(client.exec({"echo", "here"}).out, "here\n");
  for (auto& stream : running) client.cancel(stream);
}

TEST_F(Exec, RunsWaitingCommandsInTheirOrder) {
  RigOptions options;
  options.ssh.connections_per_lane = 1;
  options.ssh.channels_per_connection = 1;
  Rig rig(options);
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::deque<Client::Stream> running(12);
  for (std::size_t i = 0; i < running.size(); ++i) client.start_exec(running[i], {"date", "+%s%N"});
  EXPECT_TRUE(client.wait([&] {
    return std::all_of(running.begin(), running.end(), [](const auto& stream) { return stream.exit.has_value(); });
  }));
  for (std::size_t i = 1; i < running.size(); ++i) EXPECT_LT(running[i - 1].exit->out, running[i].exit->out);
}

TEST_F(Exec, StartsWhatACallbackAsksForWithoutWaitingForTheNodeToSaySomething) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  // Each one begins in the turn in which the one before ended; a wake-up that is lost costs a second.
  std::unique_ptr<ssh::Operation> operation;
  Bell bell;
  int left = 20;
  std::function<void(ssh::Lane&)> next = [&](ssh::Lane& lane) {
    Command command;
    command.argv = {"true"};
    operation = lane.exec(command, [&](Exit) {
      if (left > 1) next(lane);
      bell.ring([&] { --left; });
    });
  };
  client.on_lane(next);
  EXPECT_TRUE(bell.wait([&] { return left == 0; }, 8s)) << left;
  client.on_lane([&](ssh::Lane&) { operation.reset(); });
}

TEST_F(Exec, UsesWhatTheNodeGivesWhenItAllowsFewerSessions) {
  const Target::SshdSettings settings(target(), "MaxSessions 2\n");
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::deque<Client::Stream> running(12);
  for (auto& stream : running) client.start_exec(stream, {"sleep", "0.1"});
  EXPECT_TRUE(client.wait([&] {
    return std::all_of(running.begin(), running.end(), [](const auto& stream) { return stream.exit.has_value(); });
  }));
  for (const auto& stream : running) EXPECT_EQ(stream.exit->status, 0) << stream.exit->err;
}

TEST_F(Exec, KeepsRunningWhileKeysAreExchangedAnew) {
  const Target::SshdSettings settings(target(), "RekeyLimit 1M\n");
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  Client::Stream flood;
  client.start(flood, {"head", "-c", "30000000", "/dev/zero"});
  for (int i = 0; !flood.exit && i < 1000; ++i) {
    const auto exit = client.exec({"echo", std::to_string(i)});
    ASSERT_EQ(exit.out, std::to_string(i) + "\n") << exit.err;
  }
  EXPECT_TRUE(client.wait([&] { return flood.exit.has_value(); }, 20s));
  EXPECT_EQ(flood.bytes, 30'000'000U);
  EXPECT_EQ(client.downs(), 0) << client.wait_down()->what();
}

TEST_F(Exec, AFloodDelaysNoOtherCommand) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::deque<Client::Stream> floods(3);
  for (auto& flood : floods) client.start(flood, {"yes"});
  ASSERT_TRUE(client.wait([&] { return floods.back().bytes > 1'000'000; }));
  std::vector<double> seconds;
  for (int i = 0; i < 10; ++i) {
    const auto before = std::chrono::steady_clock::now();
    ASSERT_EQ(client.exec({"echo", "here"}).out, "here\n");
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count());
  }
  EXPECT_LT(*std::max_element(seconds.begin(), seconds.end()), 1.0);
  for (auto& flood : floods) client.cancel(flood);
  EXPECT_TRUE(eventually([&] { return target().processes("^yes") == 0; }, 2s));
}

TEST_F(Exec, ACallbackMayEndItsOwnStream) {
  Rig rig;
  Client client(rig, credential());
  ASSERT_TRUE(client.wait_up());
  std::unique_ptr<ssh::Operation> operation;
  Bell bell;
  int calls = 0;
  client.on_lane([&](ssh::Lane& lane) {
    Command command;
    command.argv = {"yes"};
    operation = lane.stream(
        command,
        [&, kept = std::string(100, 'x')](std::string_view) {
          operation.reset();
          bell.ring([&] { calls += kept.size() == 100 ? 1 : 1000; });
        },
        [](Exit) { ADD_FAILURE() << "came after its end"; });
  });
  EXPECT_TRUE(bell.wait([&] { return calls > 0; }));
  EXPECT_TRUE(eventually([&] { return rig.pool().metrics().channels.value() == 0; }));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace pillard::test
