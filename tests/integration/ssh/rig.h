#pragma once
// A pool with its surroundings, and users of its lanes that a test thread can watch.
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "reactor/reactor.h"
#include "reactor/workers.h"
#include "ssh/pool.h"

namespace pillard::test {

using namespace std::chrono_literals;

/// Lets lanes call and a test wait.
class Bell {
 public:
  void ring(const std::function<void()>& change = [] {});
  /// Whether `condition` became true in time. It is looked at under the lock that ring() holds.
  bool wait(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s);

 private:
  std::mutex mutex_;
  std::condition_variable rung_;
};

/// Asks again and again, for what nobody rings a bell for.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s);

/// A directory that goes with the test.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct RigOptions {
  ssh::Options ssh{};
  std::string known_hosts{};
  std::vector<std::string> allow{};  // of egress
  unsigned reactors = 2;
};

class Rig {
 public:
  explicit Rig(RigOptions options = {});
  ~Rig();
  ssh::Pool& pool() { return *pool_; }
  reactor::Reactor& reactor_of(const session::Credential& credential);
  /// Runs `work` on the lane's reactor and waits for it.
  void on_lane(const session::Credential& credential, const std::function<void(ssh::Lane&)>& work);
  std::optional<Error> verify(const session::Credential& credential);
  void release(const session::Credential& credential);
  /// Ends all threads and the pool. Everything else may then be destroyed in any order.
  void stop();

 private:
  reactor::Reactors reactors_;
  ssh::HostKeys host_keys_;
  std::optional<reactor::Workers> workers_;
  ssh::Resolver resolver_;
  std::optional<ssh::Pool> pool_;
};

/// Somebody who uses a lane and runs commands there.
class Client final : public ssh::Lane::User {
 public:
  Client(Rig& rig, session::Credential credential);
  ~Client();

  bool wait_up(int times = 1, std::chrono::milliseconds limit = 10s);
  /// The error of the `times`th lane_down.
  std::optional<Error> wait_down(int times = 1, std::chrono::milliseconds limit = 10s);
  int ups();
  int downs();

  /// Runs a command and waits for its end.
  Exit exec(std::vector<std::string> argv, Command options = {});

  struct Stream {
    std::unique_ptr<ssh::Operation> operation;
    std::size_t bytes = 0;
    std::string head;  // the first bytes
    std::optional<Exit> exit;
  };
  /// Starts a stream; `stream` is used until the client is stopped.
  void start(Stream& stream, std::vector<std::string> argv);
  void start_exec(Stream& stream, std::vector<std::string> argv, Command options = {});
  bool wait(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s) {
    return bell_.wait(condition, limit);
  }
  void on_lane(const std::function<void(ssh::Lane&)>& work) { rig_.on_lane(credential_, work); }
  void cancel(Stream& stream);
  /// Gives up its use of the lane.
  void leave();

 private:
  void lane_up() override;
  void lane_down(const Error& error) override;

  Rig& rig_;
  const session::Credential credential_;
  ssh::Lane::Use use_;
  Bell bell_;
  int ups_ = 0;
  std::vector<Error> downs_;
};

}  // namespace pillard::test
