#include "daemon.h"

#include <cstdlib>
#include <future>
#include <set>
#include <stdexcept>
#include <thread>

#include "router/plugin_status.h"

namespace pillard {

namespace {
constexpr std::chrono::seconds kFarewell{1};      // for clients to take their close frames
constexpr std::chrono::milliseconds kSweep{500};  // between looks for sessions that have expired

unsigned reactor_count(const config::Settings& settings) {
  return settings.server.reactors ? settings.server.reactors : std::max(1U, std::thread::hardware_concurrency());
}

loader::PluginsOptions options_of(const config::Plugins& plugins) {
  return {.directory = plugins.directory, .configuration = plugins.configuration, .enabled = plugins.enabled};
}

std::vector<std::string> changed_keys(const std::map<std::string, std::string>& before,
                                      const std::map<std::string, std::string>& after) {
  std::set<std::string> changed;
  for (const auto* one : {&before, &after})
    for (const auto& [key, value] : *one) {
      const auto& other = one == &before ? after : before;
      const auto found = other.find(key);
      if (found == other.end() || found->second != value) changed.insert(key);
    }
  return {changed.begin(), changed.end()};
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
  const auto keeps_failing = [this](const std::string& plugin, std::uint64_t run) {
    if (started_ && !steward_.submit([this, plugin, run] { stop_failing(plugin, run); }))
      log_.error("loader", "a plugin keeps failing, and could not be stopped", {{"plugin", plugin}});
  };
  // Its destructors may wait for threads of its own: not on a loop.
  const auto dispose = [this](std::unique_ptr<loader::Generation> gone) {
    // While nothing runs yet, or any more, and when it takes no more, it goes here.
    if (started_) (void)steward_.submit([gone = std::move(gone)]() mutable { gone.reset(); });
  };
  const loader::Services services{.log = log_,
                                  .metrics = metrics_,
                                  .held = held,
                                  .slow = settings_.watchdog.slow,
                                  .keeps_failing = keeps_failing,
                                  .max_failures = settings_.plugins.max_failures,
                                  .failure_window = settings_.plugins.failure_window};
  plugins_ = std::make_unique<loader::Plugins>(options_of(settings_.plugins), services, dispose);
  std::string wrong;
  for (const auto& error : plugins_->errors())
    if (error.step() != "configuration") wrong += std::string("\n  ") + error.what();  // else its mistakes say more
  for (const auto& mistake : plugins_->mistakes()) wrong += "\n  " + mistake.text();
  if (!wrong.empty()) throw std::runtime_error("plugins could not be loaded:" + wrong);
  // One that was stopped does not make the others useless: the daemon stays ready, and says so.
  health_.add("plugins", observe::Bearing::kReady, [this] {
    std::size_t running = 0;
    std::string others;
    for (const auto& plugin : plugins_->report()) {
      if (plugin.state == loader::State::kRunning) {
        ++running;
      } else if (plugin.state != loader::State::kStopped) {
        others += ", " + plugin.record->name() + ' ' + std::string(name(plugin.state));
      }
    }
    return observe::Check{.ok = true, .detail = std::to_string(running) + " loaded" + others};
  });
}

void Daemon::apply(const loader::PluginsOptions& options) {
  plugins_->apply(options, [this](const loader::PluginRecord& changed) { hub_->refresh(changed); });
  for (const auto& error : plugins_->errors())
    if (error.step() != "configuration")  // else its mistakes say more
      log_.error("loader", "not loaded", {{"why", error.what()}});
  for (const auto& mistake : plugins_->mistakes()) log_.error("loader", "not loaded", {{"why", mistake.text()}});
  log_.info("daemon", "configuration taken over", {{"plugins", plugins_->records().size()}});
}

void Daemon::stop_failing(const std::string& plugin, std::uint64_t run) {
  if (const auto* stopped = plugins_->stop_failing(plugin, run)) hub_->refresh(*stopped);
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
  admin_site_ = std::make_unique<transport::AdminSite>(services, [this] { return router::plugins_json(*plugins_); });
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

void Daemon::reload(const config::Loaded& now) {
  if (tls_) tls_->reload();
  for (const auto& mistake : now.mistakes) log_.error("config", "mistake", {{"what", mistake.text()}});
  if (!now.mistakes.empty())
    return log_.error("daemon", "the configuration has mistakes: nothing of it is taken over",
                      {{"file", now.settings.file.string()}});
  for (const auto& key : changed_keys(settings_.given, now.settings.given))
    if (!key.starts_with("plugins.") || key == "plugins.max_failures" || key == "plugins.failure_window")
      log_.warning("config", "changed, but only a start of the daemon takes it over", {{"key", key}});
  if (!steward_.submit([this, options = options_of(now.settings.plugins)] { apply(options); }))
    log_.error("daemon", "too many reloads wait already", {});
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
  steward_.stop();
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
