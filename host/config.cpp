#include "config_values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

namespace pillard::config {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxFileBytes = 1024 * 1024;  // what Config takes

const Choices<Level> kLevels{
    {"info", Level::kInfo}, {"error", Level::kError}, {"warning", Level::kWarning}, {"debug", Level::kDebug}};

Ssh read_ssh(const Config& config, const std::filesystem::path& base) {
  Ssh ssh;
  ssh.known_hosts = path_of(config, "ssh.known_hosts", ssh.known_hosts, base);
  ssh.host_keys =
      choose<HostKeys>(config, "ssh.host_keys",
                       {{"accept-new", HostKeys::kAcceptNew}, {"strict", HostKeys::kStrict}, {"off", HostKeys::kOff}});
  ssh.allow = networks(config, "ssh.allow");
  ssh.deny = networks(config, "ssh.deny");
  ssh.connect_timeout = duration(config, "ssh.connect_timeout", ssh.connect_timeout, 500, 120'000);
  ssh.linger = duration(config, "ssh.linger", ssh.linger, 0, 3'600'000);
  return ssh;
}

Plugins read_plugins(const Config& config, const std::filesystem::path& base, const std::filesystem::path& executable) {
  Plugins plugins;
  const auto directory = config.text("plugins.directory", "");
  const auto beside = executable.parent_path() / "../lib/pillard/plugins";
  plugins.directory = (directory.empty() ? beside : base / directory).lexically_normal();
  plugins.configuration = (base / "conf.d").lexically_normal();
  for (auto& name : config.list("plugins.enabled", {})) {
    if (name.empty() || name.size() > 64 || !only(name, "-")) {
      config.reject("plugins.enabled", in_quotes(name) + " is no name of a plugin: letters a-z, digits and - only");
    } else if (std::find(plugins.enabled.begin(), plugins.enabled.end(), name) != plugins.enabled.end()) {
      config.reject("plugins.enabled", in_quotes(name) + " stands twice");
    } else {
      plugins.enabled.push_back(std::move(name));
    }
  }
  plugins.max_failures = size(config, "plugins.max_failures", plugins.max_failures, 0, 10'000);
  plugins.failure_window = seconds(config.integer("plugins.failure_window", plugins.failure_window.count(), 1, 86'400));
  return plugins;
}

/// "/", "/name/name", "/name/*"
bool valid_namespace(std::string_view name) {
  if (name == "/") return true;
  if (name.size() > 128 || !name.starts_with('/')) return false;
  if (name.ends_with("/*")) name.remove_suffix(2);
  while (!name.empty()) {
    const auto part = name.substr(1, name.find('/', 1) - 1);
    const bool plain = std::all_of(part.begin(), part.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
             c == '.';
    });
    if (part.empty() || !plain) return false;
    name.remove_prefix(1 + part.size());
  }
  return true;
}

Engine read_engine(const Config& config) {
  Engine engine;
  engine.ping_interval = duration(config, "engine.ping_interval", engine.ping_interval, 100, 300'000);
  engine.ping_timeout = duration(config, "engine.ping_timeout", engine.ping_timeout, 100, 300'000);
  engine.max_payload = size(config, "engine.max_payload", engine.max_payload, 1024, 100'000'000);
  engine.connect_timeout = duration(config, "engine.connect_timeout", engine.connect_timeout, 100, 600'000);
  engine.upgrade_timeout = duration(config, "engine.upgrade_timeout", engine.upgrade_timeout, 100, 600'000);
  engine.namespaces = config.list("engine.namespaces", engine.namespaces);
  if (engine.namespaces.empty()) config.reject("engine.namespaces", "names none; / is the one that dashboards join");
  for (const auto& name : engine.namespaces)
    if (!valid_namespace(name))
      config.reject("engine.namespaces", in_quotes(name) + " is no namespace: /, /name or /name/*");
  return engine;
}

WebSocket read_websocket(const Config& config) {
  WebSocket websocket;
  websocket.deflate = config.flag("websocket.deflate", websocket.deflate);
  websocket.deflate_level = static_cast<int>(config.integer("websocket.deflate_level", websocket.deflate_level, 1, 9));
  websocket.deflate_window_bits =
      static_cast<int>(config.integer("websocket.deflate_window_bits", websocket.deflate_window_bits, 9, 15));
  websocket.deflate_min_bytes =
      size(config, "websocket.deflate_min_bytes", websocket.deflate_min_bytes, 0, 100'000'000);
  websocket.deflate_context_takeover =
      config.flag("websocket.deflate_context_takeover", websocket.deflate_context_takeover);
  return websocket;
}

Logging read_log(const Config& config) {
  Logging log;
  log.level = choose<Level>(config, "log.level", kLevels);
  log.json = choose<bool>(config, "log.format", {{"text", false}, {"json", true}});
  for (const auto& entry : config.list("log.levels", {})) {
    const auto equals = entry.find('=');
    const auto stage = entry.substr(0, equals);
    const auto level = equals == std::string::npos ? std::string() : entry.substr(equals + 1);
    const auto known =
        std::find_if(kLevels.begin(), kLevels.end(), [&](auto& choice) { return choice.first == level; });
    if (known == kLevels.end()) {
      config.reject("log.levels", in_quotes(entry) + " is no stage=level, such as ssh=debug; the levels are error, " +
                                      "warning, info and debug");
    } else if (std::find(kStages.begin(), kStages.end(), stage) == kStages.end()) {
      config.reject("log.levels",
                    in_quotes(stage) + fmt::format(" is no stage; there are {}", fmt::join(kStages, ", ")));
    } else if (!log.levels.emplace(stage, known->second).second) {
      config.reject("log.levels", in_quotes(stage) + " stands twice");
    }
  }
  return log;
}

Watchdog read_watchdog(const Config& config) {
  Watchdog watchdog;
  watchdog.slow = duration(config, "watchdog.slow", watchdog.slow, 1, 60'000);
  watchdog.unready = duration(config, "watchdog.unready", watchdog.unready, 100, 600'000);
  watchdog.fatal = duration(config, "watchdog.fatal", watchdog.fatal, 0, 3'600'000);
  if (watchdog.fatal.count() != 0 && watchdog.fatal < watchdog.unready)
    config.reject("watchdog.fatal",
                  "must not be shorter than watchdog.unready, or no one is told before the end; 0 is never");
  return watchdog;
}

Redis read_redis(const Config& config) {
  Redis redis;
  const auto url = config.text("redis.url", "");
  if (url.empty()) return redis;
  auto parsed = parse_redis_url(url);
  if (const auto* wrong = std::get_if<RedisUrlMistake>(&parsed)) {
    config.reject("redis.url", *wrong);
  } else {
    redis.server = std::get<RedisUrl>(std::move(parsed));
  }
  return redis;
}

Settings read(const Config& config, const Sources& sources, bool port_replaced) {
  const auto base = sources.file.parent_path();
  Settings settings;
  settings.file = sources.file;
  settings.tls = read_tls(config, base);
  settings.server = read_server(config, port_replaced, settings.tls.on());
  settings.admin = read_admin(config, settings.server);
  settings.redis = read_redis(config);
  settings.session.ttl = seconds(config.integer("session.ttl", settings.session.ttl.count(), 60, 2'592'000));
  settings.session.max = size(config, "session.max", settings.session.max, 1, 1'000'000);
  if (const auto key = config.text("session.seal_key", ""); !key.empty())
    settings.session.seal_key = (base / key).lexically_normal();
  settings.ssh = read_ssh(config, base);
  settings.plugins = read_plugins(config, base, sources.executable);
  settings.engine = read_engine(config);
  settings.websocket = read_websocket(config);
  settings.log = read_log(config);
  settings.watchdog = read_watchdog(config);
  settings.limits = read_limits(config);
  for (auto& key : config.asked())
    if (key.given) settings.given.emplace(std::move(key.name), std::move(key.value));
  return settings;
}

bool apply_environment(Config& config, const std::map<std::string, std::string>& environment, bool keep_listen) {
  // A variable that is set to nothing counts as unset, as it did on the old server.
  const auto value = [&](const char* name) -> const std::string* {
    const auto found = environment.find(name);
    return found == environment.end() || found->second.empty() ? nullptr : &found->second;
  };
  if (const auto* origins = value("FRONTEND_URL")) config.set("server.origins", *origins, "FRONTEND_URL");
  if (const auto* redis = value("REDIS_URL")) config.set("redis.url", *redis, "REDIS_URL");
  if (keep_listen) return false;
  for (const auto* name : {"WS_PORT", "PORT"}) {
    if (const auto* port = value(name)) {
      replace_ports(config, *port, name);
      return true;
    }
  }
  return false;
}

}  // namespace

Loaded load(const Sources& sources) {
  Loaded loaded;
  Config config(sources.file.native(), sources.text);
  std::vector<Mistake> no_sets;
  std::vector<std::pair<std::string, std::string>> sets;
  for (const auto& set : sources.sets) {
    const auto equals = set.find('=');
    const auto key = set.substr(0, equals);
    const auto dot = key.find('.');
    if (equals == std::string::npos || dot == std::string::npos || dot == 0 || dot + 1 == key.size()) {
      no_sets.push_back({"--set", 0, key, "expected section.key=value"});
    } else {
      sets.emplace_back(key, set.substr(equals + 1));
    }
  }
  const bool keep_listen =
      std::any_of(sets.begin(), sets.end(), [](auto& set) { return set.first == "server.listen"; });
  const bool port_replaced = apply_environment(config, sources.environment, keep_listen);
  for (auto& [key, value] : sets) config.set(key, std::move(value), "--set");

  loaded.settings = read(config, sources, port_replaced);
  loaded.mistakes = config.mistakes();
  loaded.mistakes.insert(loaded.mistakes.end(), no_sets.begin(), no_sets.end());
  if (const auto& admin = loaded.settings.admin.listen; admin && !admin->loopback())
    loaded.warnings.push_back("admin.listen is " + admin->text() + ": whoever reaches it reads the metrics");
  warn_of_server(loaded.settings, loaded.warnings);
  if (loaded.settings.ssh.host_keys == HostKeys::kOff)
    loaded.warnings.emplace_back("ssh.host_keys is off: nodes are not told from impostors");
  return loaded;
}

Loaded load_file(Sources sources) {
  const auto unreadable = [&](const std::string& why) {
    Loaded loaded;
    loaded.settings.file = sources.file;
    loaded.mistakes.push_back({sources.file.native(), 0, "", why});
    return loaded;
  };
  errno = 0;
  std::ifstream in(sources.file, std::ios::binary);
  if (!in) return unreadable("cannot be read: " + std::generic_category().message(errno));
  sources.text.assign(kMaxFileBytes + 1, '\0');
  in.read(sources.text.data(), static_cast<std::streamsize>(sources.text.size()));
  if (in.bad()) return unreadable("cannot be read: " + std::generic_category().message(errno));
  sources.text.resize(static_cast<std::size_t>(in.gcount()));
  return load(sources);
}

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> found;
  for (const auto* name : {"WS_PORT", "PORT", "FRONTEND_URL", "REDIS_URL"})
    if (const auto* value = std::getenv(name)) found.emplace(name, value);
  return found;
}

}  // namespace pillard::config
