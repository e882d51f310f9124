#include "config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <set>
#include <system_error>

namespace pillard::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMaxFileBytes = 1024 * 1024;  // what Config takes

/// For messages: short, and on one line.
std::string in_quotes(std::string_view value) {
  std::string out = "\"";
  for (const char c : value.substr(0, 64)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (value.size() > 64 ? "...\"" : "\"");
}

bool only(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || extra.find(c) != std::string_view::npos;
  });
}

/// Decimal digits and nothing else.
std::optional<unsigned> number(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

milliseconds duration(const Config& config, const std::string& key, milliseconds fallback, std::int64_t min,
                      std::int64_t max) {
  return milliseconds(config.integer(key, fallback.count(), min, max));
}

std::size_t size(const Config& config, const std::string& key, std::size_t fallback, std::int64_t min,
                 std::int64_t max) {
  return static_cast<std::size_t>(config.integer(key, static_cast<std::int64_t>(fallback), min, max));
}

constexpr std::string_view kEndpointHint =
    " is no address to listen on; write 127.0.0.1:3001, [::1]:3001 or, for every interface, 0.0.0.0:3001";

std::vector<Endpoint> read_listen(const Config& config, bool port_replaced) {
  std::vector<Endpoint> endpoints;
  const auto values = config.list("server.listen", {"127.0.0.1:3001"});
  if (values.empty()) config.reject("server.listen", "at least one address is needed, such as 127.0.0.1:3001");
  for (const auto& value : values) {
    const auto endpoint = parse_endpoint(value);
    if (!endpoint) {
      config.reject("server.listen", in_quotes(value) + std::string(kEndpointHint));
    } else if (std::find(endpoints.begin(), endpoints.end(), *endpoint) == endpoints.end()) {
      endpoints.push_back(*endpoint);
    } else if (!port_replaced && endpoint->port != 0) {
      config.reject("server.listen", endpoint->text() + " stands twice");
    }
  }
  return endpoints;
}

std::vector<std::string> read_origins(const Config& config) {
  std::vector<std::string> origins;
  for (const auto& value : config.list("server.origins", {"http://localhost:3000"})) {
    if (value.find('*') != std::string::npos) {
      config.reject("server.origins",
                    "wildcards are refused: browsers send the session cookie along, so any page that matches could act "
                    "as the user; list each origin, such as https://dashboard.example");
    } else if (value.find('@') != std::string::npos) {
      config.reject("server.origins", "an origin has no user and no password: scheme://host[:port]");
    } else if (auto origin = parse_origin(value)) {
      if (std::find(origins.begin(), origins.end(), *origin) == origins.end()) origins.push_back(std::move(*origin));
    } else {
      config.reject("server.origins",
                    in_quotes(value) + " is no origin; write scheme://host[:port], such as https://dashboard.example");
    }
  }
  return origins;
}

std::vector<std::string> own_origins(const std::vector<Endpoint>& endpoints) {
  std::set<std::string> origins;
  for (const auto& endpoint : endpoints) {
    // Behind a wildcard any name may lead here; which ones are ours is for the operator to say.
    if (endpoint.wildcard() || endpoint.port == 0) continue;
    if (endpoint.loopback()) origins.insert(*parse_origin(fmt::format("http://localhost:{}", endpoint.port)));
    origins.insert(*parse_origin("http://" + endpoint.text()));
  }
  return {origins.begin(), origins.end()};
}

std::string read_path(const Config& config) {
  auto path = config.text("server.path", "/", 1);
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '-' || c == '_' || c == '.' || c == '~';
  });
  if (!path.starts_with('/') || !plain || path.find("//") != std::string::npos) {
    config.reject("server.path",
                  in_quotes(path) + " is no path; it begins with / and is made of letters, digits and -_.~");
    return "/";
  }
  if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  for (const std::string_view taken : {"/api", "/ws", "/healthz", "/readyz", "/metrics"})
    if (path == taken || path.starts_with(std::string(taken) + "/"))
      config.reject("server.path", std::string(taken) + " is used by the daemon itself; choose another path");
  return path;
}

Server read_server(const Config& config, bool port_replaced) {
  Server server;
  server.listen = read_listen(config, port_replaced);
  server.origins = read_origins(config);
  server.own = own_origins(server.listen);
  server.path = read_path(config);
  server.reactors = static_cast<unsigned>(config.integer("server.reactors", 0, 0, 256));
  return server;
}

Admin read_admin(const Config& config, const Server& server) {
  Admin admin;
  const auto value = config.text("admin.listen", admin.listen->text());
  admin.listen = parse_endpoint(value);
  if (!value.empty() && !admin.listen) {
    config.reject("admin.listen", in_quotes(value) + std::string(kEndpointHint) + "; leave it empty to turn it off");
  } else if (admin.listen && admin.listen->port != 0 &&
             std::find(server.listen.begin(), server.listen.end(), *admin.listen) != server.listen.end()) {
    config.reject("admin.listen",
                  admin.listen->text() + " is taken by server.listen; metrics need a port of their own");
  }
  return admin;
}

std::vector<std::string> read_networks(const Config& config, const std::string& key) {
  auto networks = config.list(key, {});
  for (const auto& value : networks) {
    if (!valid_network(value))
      config.reject(key,
                    in_quotes(value) +
                        " is no network; write 10.0.0.0/8, fd00::/8 or 192.0.2.7, with no bits set behind the prefix");
  }
  return networks;
}

template <class T>
using Choices = std::initializer_list<std::pair<std::string_view, T>>;
const Choices<Level> kLevels{
    {"info", Level::kInfo}, {"error", Level::kError}, {"warning", Level::kWarning}, {"debug", Level::kDebug}};

/// A choice among names; the first one is the default.
template <class T>
T choose(const Config& config, const std::string& key, Choices<T> choices) {
  const auto value = config.text(key, choices.begin()->first);
  std::string names;
  for (const auto& [name, choice] : choices) {
    if (value == name) return choice;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  config.reject(key, in_quotes(value) + " is none of: " + names);
  return choices.begin()->second;
}

std::filesystem::path read_path_of(const Config& config, const std::string& key, const std::filesystem::path& fallback,
                                   const std::filesystem::path& base) {
  // An absolute right-hand side replaces the left one.
  return (base / config.text(key, fallback.native(), 1)).lexically_normal();
}

Ssh read_ssh(const Config& config, const std::filesystem::path& base) {
  Ssh ssh;
  ssh.known_hosts = read_path_of(config, "ssh.known_hosts", ssh.known_hosts, base);
  ssh.host_keys =
      choose<HostKeys>(config, "ssh.host_keys",
                       {{"accept-new", HostKeys::kAcceptNew}, {"strict", HostKeys::kStrict}, {"off", HostKeys::kOff}});
  ssh.allow = read_networks(config, "ssh.allow");
  ssh.deny = read_networks(config, "ssh.deny");
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

Limits read_limits(const Config& config) {
  Limits limits;
  limits.connections = size(config, "limits.connections", limits.connections, 1, 1'000'000);
  limits.head_bytes = size(config, "limits.head_bytes", limits.head_bytes, 1024, 65'536);
  limits.head_timeout = duration(config, "limits.head_timeout", limits.head_timeout, 100, 120'000);
  limits.body_bytes = size(config, "limits.body_bytes", limits.body_bytes, 1024, 16'777'216);
  limits.outbox_bytes = size(config, "limits.outbox_bytes", limits.outbox_bytes, 65'536, 268'435'456);
  limits.stall_timeout = duration(config, "limits.stall_timeout", limits.stall_timeout, 1000, 600'000);
  limits.messages_per_second =
      static_cast<unsigned>(size(config, "limits.messages_per_second", limits.messages_per_second, 1, 100'000));
  limits.messages_burst =
      static_cast<unsigned>(size(config, "limits.messages_burst", limits.messages_burst, 1, 1'000'000));
  return limits;
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
  settings.server = read_server(config, port_replaced);
  settings.admin = read_admin(config, settings.server);
  settings.redis = read_redis(config);
  settings.session.ttl = seconds(config.integer("session.ttl", settings.session.ttl.count(), 60, 2'592'000));
  settings.session.max = size(config, "session.max", settings.session.max, 1, 1'000'000);
  if (const auto key = config.text("session.seal_key", ""); !key.empty())
    settings.session.seal_key = (base / key).lexically_normal();
  settings.ssh = read_ssh(config, base);
  settings.plugins = read_plugins(config, base, sources.executable);
  settings.engine = read_engine(config);
  settings.log = read_log(config);
  settings.watchdog = read_watchdog(config);
  settings.limits = read_limits(config);
  return settings;
}

/// Puts another port into each address of server.listen; one that is wrong stays, to be named as the mistake it is.
void replace_ports(Config& config, const std::string& port, const std::string& origin) {
  if (!number(port, 65535) || *number(port, 65535) == 0) {
    config.set("server.listen", "127.0.0.1:3001", origin);
    config.reject("server.listen", in_quotes(port) + " is no port: a number from 1 to 65535");
    return;
  }
  std::string listen;
  for (const auto& value : config.list("server.listen", {"127.0.0.1:3001"})) {
    auto endpoint = parse_endpoint(value);
    if (!endpoint) return;
    endpoint->port = static_cast<std::uint16_t>(*number(port, 65535));
    listen += (listen.empty() ? "" : ", ") + endpoint->text();
  }
  if (!listen.empty()) config.set("server.listen", listen, origin);
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
