#include "daemon.h"

#include <cstdlib>
#include <future>
#include <stdexcept>
#include <thread>

namespace pillard {

namespace {
constexpr std::chrono::seconds kFarewell{1};      // for clients to take their close frames
constexpr std::chrono::milliseconds kSweep{500};  // between looks for sessions that have expired

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
      admin_loop_(static_cast<unsigned>(reactors_.size()), "admin"),
      running_(reactors_.size()) {
  watch();
  load_plugins();
  build_store();
  build_ssh();
  hub_ = std::make_unique<fanout::Hub>(reactors_, *pool_, metrics_);
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
  const auto& limits = settings_.watchdog;
  watchdog_ = std::make_unique<observe::Watchdog>(
      observe::watchdog_options(limits.slow, limits.unready, limits.fatal), log_, metrics_, std::move(lanes),
      [](const std::string&, const std::string&) {
        std::abort();  // a loop that hangs cannot be mended from inside; the supervisor starts anew
      });
  health_.add("reactors", observe::Bearing::kAlive, [this] { return watchdog_->status(); });
}

void Daemon::load_plugins() {
  const auto held = [this](std::string_view plugin, std::chrono::nanoseconds took) {
    if (started_) watchdog_->held(plugin, took);  // else no loop waits
  };
  const loader::PluginsOptions options{.directory = settings_.plugins.directory,
                                       .configuration = settings_.plugins.configuration,
                                       .enabled = settings_.plugins.enabled};
  plugins_ = std::make_unique<loader::Plugins>(
      options, loader::Services{.log = log_, .metrics = metrics_, .held = held, .slow = settings_.watchdog.slow});
  std::string wrong;
  for (const auto& error : plugins_->errors())
    if (error.step() != "configuration") wrong += std::string("\n  ") + error.what();  // else its mistakes say more
  for (const auto& mistake : plugins_->mistakes()) wrong += "\n  " + mistake.text();
  if (!wrong.empty()) throw std::runtime_error("plugins could not be loaded:" + wrong);
  health_.add("plugins", observe::Bearing::kReady, [count = plugins_->records().size()] {
    return observe::Check{.ok = true, .detail = std::to_string(count) + " loaded"};
  });
}

void Daemon::build_store() {
  std::optional<session::Sealer> sealer;
  if (const auto& file = settings_.session.seal_key; !file.empty()) {  // read without Redis, too: a mistake shows early
    auto keys = session::Sealer::from_file(file);
    if (!keys) throw std::runtime_error(std::string("session.seal_key: ") + keys.error().what());
    sealer = std::move(keys).value();
  }
  if (!settings_.redis.server) {
    auto memory = std::make_unique<session::MemoryStore>(
        session::MemoryStore::Options{.ttl = settings_.session.ttl, .max_sessions = settings_.session.max});
    memory_store_ = memory.get();
    store_ = std::move(memory);
    log_.info("session", "sessions live in memory", {});
    return;
  }
  session::RedisStore::Options options{.link = {.server = *settings_.redis.server}, .ttl = settings_.session.ttl};
  options.sealer = std::move(sealer);
  log_.info("session", "sessions live in Redis",
            {{"server", options.link.server.text()}, {"sealed", options.sealer.has_value()}});
  auto redis = std::make_unique<session::RedisStore>(std::move(options), log_, metrics_);
  redis_store_ = redis.get();
  store_ = std::move(redis);
  health_.add("redis", observe::Bearing::kReady, [redis = redis_store_] {
    return redis->up() ? observe::Check{.ok = true, .detail = "answers"}
                       : observe::Check{.ok = false, .detail = "away: nobody new can log in"};
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
  pool_ = std::make_unique<ssh::Pool>(reactors_, *authentications_, *resolver_, *host_keys_, options, &log_, &metrics_);
}

void Daemon::build_transport() {
  const router::Services services{.reactors = reactors_,
                                  .store = *store_,
                                  .limiter = limiter_,
                                  .pool = *pool_,
                                  .hub = *hub_,
                                  .registry = plugins_->registry(),
                                  .log = log_,
                                  .metrics = metrics_,
                                  .health = health_,
                                  .touch_every = std::min(std::chrono::seconds(60), settings_.session.ttl / 4),
                                  .max_subscriptions = settings_.limits.subscriptions};
  sockets_ = std::make_unique<router::Sockets>(services);
  public_site_ = std::make_unique<transport::PublicSite>(settings_, services, *sockets_);
  transport_metrics_ = std::make_unique<transport::TransportMetrics>(metrics_);
  std::vector<transport::Connections*> homes;
  for (std::size_t i = 0; i < reactors_.size(); ++i) {
    connections_.push_back(
        std::make_unique<transport::Connections>(reactors_[i], settings_.limits, log_, *transport_metrics_));
    homes.push_back(connections_.back().get());
  }
  if (settings_.tls.on()) tls_ = std::make_unique<transport::Tls>(settings_.tls, log_, metrics_);
  transport::Listener::Options listener_options{.unix_mode = settings_.server.unix_mode, .tls = tls_.get()};
  for (const auto& endpoint : settings_.server.listen)
    listeners_.push_back(std::make_unique<transport::Listener>(endpoint, homes, *public_site_, ids_, log_,
                                                               *transport_metrics_, settings_.limits.connections,
                                                               listener_options));
  if (!settings_.admin.listen) return;
  constexpr std::size_t kAdminConnections = 64;
  listener_options = {};  // nothing that was set for proxies
  admin_site_ = std::make_unique<transport::AdminSite>(services);
  admin_connections_ =
      std::make_unique<transport::Connections>(admin_loop_, settings_.limits, log_, *transport_metrics_);
  admin_listener_ = std::make_unique<transport::Listener>(
      *settings_.admin.listen, std::vector<transport::Connections*>{admin_connections_.get()}, *admin_site_, ids_, log_,
      *transport_metrics_, kAdminConnections, listener_options);
}

void Daemon::start() {
  for (auto& listener : listeners_) listener->start(reactors_[0]);
  if (admin_listener_) admin_listener_->start(admin_loop_);
  for (std::size_t i = 0; i < reactors_.size(); ++i)
    reactors_[i].post([this, i] { running_[i].store(&loader::running_here(), std::memory_order_release); });
  struct Sweeper {
    static void arm(Daemon& daemon) {
      daemon.sweep_ = daemon.reactors_[0].after(kSweep, [&daemon] {
        daemon.memory_store_->sweep(session::MemoryStore::Clock::now());
        arm(daemon);
      });
    }
  };
  if (memory_store_) Sweeper::arm(*this);
  if (redis_store_) redis_store_->start();
  started_ = true;
  reactors_.start();
  admin_loop_.start();
  watchdog_->start();
}

std::vector<config::Endpoint> Daemon::listening() const {
  std::vector<config::Endpoint> all;
  for (const auto& listener : listeners_) all.push_back(listener->endpoint());
  if (admin_listener_) all.push_back(admin_listener_->endpoint());
  return all;
}

void Daemon::reload() {
  if (tls_) {
    tls_->reload();
  } else {
    log_.info("daemon", "there is no certificate to reload; all else of the configuration is read at the start", {});
  }
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
  admin_loop_.stop();
  admin_loop_.join();
  started_ = false;
  store_->stop();
  // The loops have ended: from here on all lanes are this thread. What is taken down owes others a last word (a
  // subscription that leaves its topic), which is carried out before those others go.
  reactors_.drain();
  sockets_->stop();
  listeners_.clear();
  connections_.clear();
  if (public_site_) public_site_->stop();
  admin_listener_.reset();
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
