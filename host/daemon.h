#pragma once
// Builds the stages in order, takes them down in reverse.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "config.h"
#include "fanout/hub.h"
#include "loader/plugins.h"
#include "observe/health.h"
#include "observe/watchdog.h"
#include "session/limiter.h"
#include "session/memory_store.h"
#include "session/redis_store.h"
#include "ssh/host_keys.h"
#include "ssh/pool.h"
#include "ssh/resolver.h"
#include "transport/listener.h"
#include "transport/public_site.h"
#include "transport/tls.h"

namespace pillard {

/// The whole daemon. Made, it holds its sockets and has its plugins loaded, but no thread of it runs yet.
class Daemon {
 public:
  /// Throws std::runtime_error, with words for the operator, when a plugin cannot be loaded or an address not be bound.
  Daemon(const config::Settings& settings, observe::Log& log);
  Daemon(const Daemon&) = delete;
  /// Says goodbye to all clients, and waits a little for them to take it.
  ~Daemon();

  void start();
  /// What it listens on: of the public listener, then of the admin one if there is one.
  std::vector<config::Endpoint> listening() const;
  /// [main] Takes over what can change while it runs: the certificate, for the connections that come from now on, and
  /// the plugins. What cannot be used changes nothing, and the log says so. Plugins are loaded in the background.
  void reload(const config::Loaded& now);

 private:
  void load_plugins();
  void apply(const loader::PluginsOptions& options);
  void stop_failing(const std::string& plugin, std::uint64_t run);
  void build_store();
  void build_ssh();
  void build_transport();
  void watch();
  void describe();
  void farewell();

  bool started_ = false;

  const config::Settings settings_;
  observe::Log& log_;
  observe::Metrics metrics_;
  observe::Health health_;
  observe::Ids ids_;

  reactor::Reactors reactors_;
  reactor::Reactor admin_loop_;  // of its own: /metrics and /readyz answer while another loop hangs
  std::vector<std::atomic<loader::Running*>> running_;  // which plugin runs on which loop, once they run
  std::unique_ptr<observe::Watchdog> watchdog_;
  reactor::Workers steward_{{.name = "plugins", .threads = 1}};  // while the daemon runs it alone changes the plugins
  std::unique_ptr<loader::Plugins> plugins_;
  std::unique_ptr<session::Store> store_;
  session::MemoryStore* memory_store_ = nullptr;  // which of both it is
  session::RedisStore* redis_store_ = nullptr;
  session::LoginLimiter limiter_;

  std::unique_ptr<ssh::HostKeys> host_keys_;
  std::unique_ptr<ssh::Resolver> resolver_;
  std::unique_ptr<reactor::Workers> look_ups_;
  std::unique_ptr<reactor::Workers> authentications_;
  std::unique_ptr<ssh::Pool> pool_;
  std::unique_ptr<fanout::Hub> hub_;

  std::unique_ptr<router::Sockets> sockets_;
  std::unique_ptr<transport::PublicSite> public_site_;
  std::unique_ptr<transport::AdminSite> admin_site_;
  std::unique_ptr<transport::TransportMetrics> transport_metrics_;
  std::unique_ptr<transport::Tls> tls_;                               // null: without
  std::vector<std::unique_ptr<transport::Connections>> connections_;  // of the public listener, one a reactor
  std::unique_ptr<transport::Connections> admin_connections_;
  std::vector<std::unique_ptr<transport::Listener>> listeners_;
  std::unique_ptr<transport::Listener> admin_listener_;
  reactor::Timer sweep_;
  std::vector<observe::Metrics::Hook> hooks_;
};

}  // namespace pillard
