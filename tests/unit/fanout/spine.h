#pragma once
// The floors below router and transport as the daemon stacks them, with a plugin of its own and nodes that nobody can
// reach: on this machine every connection is refused.
#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>
#include <Poco/Message.h>
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "fanout/hub.h"
#include "loader/registry.h"
#include "observe/health.h"
#include "session/credential.h"
#include "session/limiter.h"
#include "session/memory_store.h"
#include "ssh/pool.h"

namespace pillard::test {

using namespace std::chrono_literals;

/// Runs `fn` on the loop and waits for it.
template <class Fn>
void on(reactor::Reactor& reactor, Fn fn) {
  std::promise<void> done;
  reactor.post([&] {
    fn();
    done.set_value();
  });
  ASSERT_EQ(done.get_future().wait_for(10s), std::future_status::ready) << "a loop hangs";
}

/// A list that lanes append to and a test waits for.
class Journal {
 public:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  /// All lines, as soon as there are `count`; fewer after the deadline.
  std::vector<std::string> wait(std::size_t count, std::chrono::milliseconds limit = 5s) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return lines_.size() >= count; });
    return lines_;
  }
  bool wait_for(std::string_view part, std::chrono::milliseconds limit = 5s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] {
      return std::any_of(lines_.begin(), lines_.end(),
                         [&](const auto& line) { return line.find(part) != std::string::npos; });
    });
  }
  std::vector<std::string> lines() { return wait(0, 0ms); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

/// Keeps what is logged.
class JournalChannel final : public Poco::Channel {
 public:
  explicit JournalChannel(Journal& journal) : journal_(journal) {}
  void log(const Poco::Message& message) override { journal_.add(message.getText()); }

 private:
  Journal& journal_;
};

/// A port of this machine that refuses connections as long as this lives: bound, but nobody listens.
class ClosedPort {
 public:
  ClosedPort() {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t length = sizeof address;
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
  }
  ClosedPort(const ClosedPort&) = delete;
  ~ClosedPort() { ::close(fd_); }
  std::uint16_t number() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_;
};

/// What the plugin of these tests offers. Its code never runs: no lane comes up.
struct StatusQuery {
  std::int64_t interval = 5000;
  PILLARD_FIELDS(StatusQuery, PILLARD_FIELD(interval, {.min = 1000, .max = 60000, .clamp = true, .pace = true}))
};
struct LogsQuery {
  std::string service;
  void check() const {
    if (service == "crash") throw std::runtime_error("a check of a plugin that breaks");
    if (service.find('/') != std::string::npos) throw Error(Code::kBadRequest, "params.service: not a unit name");
  }
  PILLARD_FIELDS(LogsQuery, PILLARD_FIELD(service, {.required = true}))
};
struct NoParams {
  PILLARD_FIELDS(NoParams)
};
class IdleSource final : public Source {
 public:
  template <class Params>
  IdleSource(Context&, const Params&) {}
};
class IdleCall final : public Call {
 public:
  IdleCall(CallContext&, const NoParams&) {}
};

inline constexpr std::chrono::milliseconds kLinger{20};

struct SpineOptions {
  unsigned reactors = 1;
  std::vector<std::string> allow{};  // of egress
  std::chrono::milliseconds linger = kLinger;
  session::LoginLimiter::Options limiter{};
  session::MemoryStore::Options store{};
};

class Spine {
 public:
  explicit Spine(SpineOptions options = {})
      : log({.level = Level::kDebug, .channel = Poco::AutoPtr<Poco::Channel>(new JournalChannel(logged))}),
        plugin("test", {.log = log, .metrics = metrics}),
        reactors(options.reactors),
        store(std::move(options.store)),
        limiter(std::move(options.limiter)),
        host_keys_({.file = "", .mode = ssh::HostKeyMode::kOff}),
        workers_(std::in_place, reactor::Workers::Options{.name = "test", .threads = 2}),
        resolver_(*workers_, std::move(ssh::Egress::parse({.allow = options.allow, .deny = {}})).value()),
        pool(std::in_place, reactors, *workers_, resolver_, host_keys_,
             ssh::Options{.idle_linger = 50ms, .backoff_first = 100ms}),
        hub(std::in_place, reactors, *pool, metrics) {
    enrol<LogsQuery>(options.linger);
  }
  /// Registers what the plugin offers: again, it is another version of it.
  template <class Logs>
  void enrol(std::chrono::milliseconds linger, std::string logs_event = "log_data") {
    loader::Enrolment enrolment(registry, plugin);
    enrolment.stream<StatusQuery, IdleSource>({.subscribe = "subscribe_status",
                                               .unsubscribe = "unsubscribe_status",
                                               .event = "status_update",
                                               .replay = 1,
                                               .linger = linger});
    enrolment.stream<Logs, IdleSource>({.subscribe = "subscribe_logs",
                                        .unsubscribe = "unsubscribe_logs",
                                        .event = std::move(logs_event),
                                        .replay = 10,
                                        .linger = linger});
    enrolment.call<NoParams, IdleCall>({.name = "get_config", .timeout = 5s});
    enrolment.commit();
  }
  ~Spine() {
    stop();
    hub.reset();
    reactors.drain();
    pool.reset();
    workers_.reset();
    reactors.drain();
  }
  /// Ends the loops and does what is still owed. Who uses them goes before or after it, on the caller's thread.
  void stop() {
    reactors.stop();
    reactors.drain();
  }

  session::Credential credential(std::uint16_t port = 22, std::string user = "eth") const {
    return {.host = "127.0.0.1", .port = port, .username = std::move(user), .password = session::Secret("pw")};
  }
  /// A session as a login would leave it.
  session::SessionPtr log_in(session::Credential credential) {
    std::promise<session::SessionPtr> made;
    store.create(reactors[0], std::move(credential),
                 [&](Result<session::SessionPtr> session) { made.set_value(std::move(session).value()); });
    return made.get_future().get();
  }
  void log_out(const std::string& token) {
    std::promise<bool> gone;
    store.remove(reactors[0], token, [&](Result<session::SessionPtr> removed) { gone.set_value(*removed != nullptr); });
    EXPECT_TRUE(gone.get_future().get());
  }
  static fanout::Login login(const session::SessionPtr& session) {
    return {.session = session, .lane_key = session::lane_key(session->credential)};
  }
  const loader::StreamEntry& stream(std::string_view name) const { return *registry.find_subscribe(name); }

  Journal logged;
  observe::Log log;
  observe::Metrics metrics;
  observe::Health health;
  loader::PluginRecord plugin;
  loader::Registry registry;
  reactor::Reactors reactors;
  session::MemoryStore store;
  session::LoginLimiter limiter;

 private:
  ssh::HostKeys host_keys_;
  std::optional<reactor::Workers> workers_;
  ssh::Resolver resolver_;

 public:
  std::optional<ssh::Pool> pool;
  std::optional<fanout::Hub> hub;
};

}  // namespace pillard::test
