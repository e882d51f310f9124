#include "daemon.h"

#include <cstdlib>
#include <future>
#include <stdexcept>
#include <thread>

namespace pillard {

namespace {
constexpr std::chrono::seconds kFarewell{1};  // for clients to take their close frames
constexpr std::chrono::seconds kSweep{30};    // between looks for sessions that have expired

unsigned reactor_count(const config::Settings& settings) {
  return settings.server.reactors ? settings.server.reactors : std::max(1U, std::thread::hardware_concurrency());
}

ssh::HostKeyMode mode_of(config::HostKeys keys) {
  switch (keys) {
    case config::HostKeys::kStrict: return ssh::HostKeyMode::kStrict;
    case config::HostKeys::kOff: return ssh::HostKeyMode::kOff;
    case config::HostKeys::kAcceptNew: break;
  }
  return ssh::HostKeyMode::kAcceptNew;
}
}  // namespace

Daemon::Daemon(const config::Settings& settings, observe::Log& log)
    : settings_(settings),
      log_(log),
      reactors_(reactor_count(settings)),
      running_(reactors_.size()),
      store_({.ttl = settings.session.ttl, .max_sessions = settings.session.max}) {
  watch();
  load_plugins();
  build_ssh();
  hub_ = std::make_unique<fanout::Hub>(reactors_, *pool_);
  build_transport();
  describe();
}

/// Sees loops that do not come back, and which plugin holds them.
void Daemon::watch() {
  std::vector<observe::WatchedLane> lanes;
  for (std::size_t i = 0; i < reactors_.size(); ++i)
    lanes.push_back({.name = "reactor-" + std::to_string(i),
                     .busy_since = [&reactor = reactors_[i]] { return reactor.busy_since(); },
                     .who =
                         [this, i] {
                           const auto* running = running_[i].load(std::memory_order_acquire);
                           const auto* plugin = running ? running->load(std::memory_order_relaxed) : nullptr;
                           return plugin ? plugin->name() : std::string();
                         }});
  watchdog_ = std::make_unique<observe::Watchdog>(
      observe::WatchdogOptions{}, log_, metrics_, std::move(lanes), [](const std::string&, const std::string&) {
        std::abort();  // a loop that hangs cannot be mended from inside; the supervisor starts anew
      });
  health_.add("reactors", observe::Bearing::kAlive, [this] { return watchdog_->status(); });
}

void Daemon::load_plugins() {
  plugins_ = std::make_unique<loader::Plugins>(
      loader::PluginsOptions{.directory = settings_.plugins.directory,
                             .configuration = settings_.plugins.configuration,
                             .enabled = settings_.plugins.enabled},
      loader::Services{.log = log_, .metrics = metrics_, .held = [this](std::string_view plugin, auto took) {
                         watchdog_->held(plugin, took);
                       }});
  std::string wrong;
  for (const auto& error : plugins_->errors())
    if (error.step() != "configuration") wrong += std::string("\n  ") + error.what();  // else its mistakes say more
  for (const auto& mistake : plugins_->mistakes()) wrong += "\n  " + mistake.text();
  if (!wrong.empty()) throw std::runtime_error("plugins could not be loaded:" + wrong);
  health_.add("plugins", observe::Bearing::kReady, [count = plugins_->records().size()] {
    return observe::Check{.ok = true, .detail = std::to_string(count) + " loaded"};
  });
}

void Daemon::build_ssh() {
  host_keys_ = std::make_unique<ssh::HostKeys>(
      ssh::HostKeys::Options{.file = settings_.ssh.known_hosts.string(),
                             .mode = mode_of(settings_.ssh.host_keys),
                             .warn = [this](const std::string& warning) {
                               log_.warning("ssh", "known hosts", {{"warning", warning}});
                             }});
  auto egress = ssh::Egress::parse({.allow = settings_.ssh.allow, .deny = settings_.ssh.deny});
  if (!egress) throw std::runtime_error(egress.error().what());
  const ssh::Options options{.connect_timeout = settings_.ssh.connect_timeout, .idle_linger = settings_.ssh.linger};
  look_ups_ = std::make_unique<reactor::Workers>(reactor::Workers::Options{.name = "dns", .threads = 16});
  authentications_ = std::make_unique<reactor::Workers>(reactor::Workers::Options{.name = "ssh-auth", .threads = 16});
  resolver_ = std::make_unique<ssh::Resolver>(*look_ups_, std::move(egress).value());
  pool_ = std::make_unique<ssh::Pool>(reactors_, *authentications_, *resolver_, *host_keys_, options, &log_);
}

void Daemon::build_transport() {
  const router::Services services{.reactors = reactors_,
                                  .store = store_,
                                  .limiter = limiter_,
                                  .pool = *pool_,
                                  .hub = *hub_,
                                  .registry = plugins_->registry(),
                                  .log = log_,
                                  .metrics = metrics_,
                                  .health = health_};
  sockets_ = std::make_unique<router::Sockets>(services);
  public_site_ = std::make_unique<transport::PublicSite>(settings_, services, *sockets_);
  transport_metrics_ = std::make_unique<transport::TransportMetrics>(metrics_);
  std::vector<transport::Connections*> homes;
  for (std::size_t i = 0; i < reactors_.size(); ++i) {
    connections_.push_back(
        std::make_unique<transport::Connections>(reactors_[i], settings_.limits, log_, *transport_metrics_));
    homes.push_back(connections_.back().get());
  }
  for (const auto& endpoint : settings_.server.listen)
    listeners_.push_back(std::make_unique<transport::Listener>(endpoint, homes, *public_site_, ids_, log_,
                                                               *transport_metrics_, settings_.limits.connections));
  if (!settings_.admin.listen) return;
  constexpr std::size_t kAdminConnections = 64;
  admin_site_ = std::make_unique<transport::AdminSite>(services);
  admin_connections_ =
      std::make_unique<transport::Connections>(reactors_[0], settings_.limits, log_, *transport_metrics_);
  listeners_.push_back(std::make_unique<transport::Listener>(
      *settings_.admin.listen, std::vector<transport::Connections*>{admin_connections_.get()}, *admin_site_, ids_, log_,
      *transport_metrics_, kAdminConnections));
}

/// Figures that others keep, read when somebody asks for /metrics.
void Daemon::describe() {
  const auto collect = [this](std::string_view name, std::string_view help, auto read) {
    hooks_.push_back(metrics_.collect(name, help, {}, [read] { return static_cast<double>(read()); }));
  };
  const auto& hub = hub_->counters();
  collect("pillard_topics", "Streams that run on nodes.", [&] { return hub.topics.load(); });
  collect("pillard_subscriptions", "Subscriptions of clients.", [&] { return hub.subscriptions.load(); });
  collect("pillard_events_published", "Events handed to audiences.", [&] { return hub.published.load(); });
  const auto& ssh = pool_->counters();
  collect("pillard_ssh_connections", "SSH connections to nodes.", [&] { return ssh.connections.load(); });
  collect("pillard_ssh_channels", "Channels on these.", [&] { return ssh.channels.load(); });
  collect("pillard_ssh_logins", "SSH logins that were tried.", [&] { return ssh.logins.load(); });
  collect("pillard_ssh_login_failures", "SSH logins that failed.", [&] { return ssh.login_failures.load(); });
  collect("pillard_ssh_reconnects", "Attempts to reach a lost node again.", [&] { return ssh.reconnects.load(); });
  collect("pillard_ssh_commands", "Commands run on nodes.", [&] { return ssh.commands.load(); });
  collect("pillard_ssh_received_bytes", "Bytes received from nodes.", [&] { return ssh.bytes_in.load(); });
  collect("pillard_ssh_sent_bytes", "Bytes sent to nodes.", [&] { return ssh.bytes_out.load(); });
  collect("pillard_sessions", "Sessions in the store.", [this] { return store_.size(); });
}

void Daemon::start() {
  sockets_->start();
  for (auto& listener : listeners_) listener->start(reactors_[0]);
  for (std::size_t i = 0; i < reactors_.size(); ++i)
    reactors_[i].post([this, i] { running_[i].store(&loader::running_here(), std::memory_order_release); });
  struct Sweeper {
    static void arm(Daemon& daemon) {
      daemon.sweep_ = daemon.reactors_[0].after(kSweep, [&daemon] {
        daemon.store_.sweep(session::MemoryStore::Clock::now());
        arm(daemon);
      });
    }
  };
  Sweeper::arm(*this);
  started_ = true;
  reactors_.start();
  watchdog_->start();
}

std::vector<config::Endpoint> Daemon::listening() const {
  std::vector<config::Endpoint> all;
  for (const auto& listener : listeners_) all.push_back(listener->endpoint());
  return all;
}

/// Clients get their close frames, as far as they take them at once.
void Daemon::farewell() {
  auto gone = std::make_shared<std::promise<void>>();
  auto left = std::make_shared<std::atomic<std::size_t>>(connections_.size());
  reactors_[0].post([this] {
    for (auto& listener : listeners_) listener->stop();
    sweep_.reset();
  });
  for (auto& connections : connections_)
    connections->reactor().post([&connections = *connections, gone, left] {
      connections.going_away([gone, left] {
        if (left->fetch_sub(1) == 1) gone->set_value();
      });
    });
  gone->get_future().wait_for(kFarewell);
}

Daemon::~Daemon() {
  health_.drain();
  if (started_) farewell();
  watchdog_->stop();  // it looks at what the loops' threads hold
  reactors_.stop();
  // The loops have ended: from here on all lanes are this thread. What is taken down owes others a last word (a
  // subscription that leaves its topic), which is carried out before those others go.
  reactors_.drain();
  sockets_->stop();
  listeners_.clear();
  connections_.clear();
  admin_connections_.reset();
  reactors_.drain();
  hooks_.clear();
  hub_.reset();
  reactors_.drain();
  pool_.reset();
  authentications_.reset();
  look_ups_.reset();
  resolver_.reset();
  reactors_.drain();
}

}  // namespace pillard
