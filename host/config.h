#pragma once
// One typed view of etc/pillard.ini, read once and never changed afterwards.
// Precedence, lowest first: the defaults below, the file, the environment, --set. `.env` files are not read.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config_redis.h"
#include "config_stages.h"
#include "pillard/config.h"
#include "pillard/context.h"  // Level

namespace pillard::config {

/// What to listen on: a literal address (never a name to resolve) and port, or a unix socket. Port 0: any free one, as
/// tests want.
struct Endpoint {
  std::string host = {};  // "127.0.0.1", "0.0.0.0", "::1": without brackets
  std::uint16_t port = 0;
  std::string path = {};  // of a unix socket, absolute; else empty

  bool unix_socket() const noexcept { return !path.empty(); }
  bool v6() const noexcept { return host.find(':') != std::string::npos; }
  bool loopback() const noexcept;  ///< 127.0.0.0/8, ::1 or a unix socket: this machine only
  bool wildcard() const noexcept;  ///< 0.0.0.0 or ::
  std::string text() const;        ///< "127.0.0.1:3001", "[::1]:3001", "unix:/run/pillard/pillard.sock"
  bool operator==(const Endpoint&) const = default;
};

/// Which header of trusted proxies says whom they speak for.
enum class Forwarding {
  kXForwarded,  // X-Forwarded-For and X-Forwarded-Proto
  kForwarded,   // Forwarded, RFC 7239
};

struct Server {
  std::vector<Endpoint> listen{{"127.0.0.1", 3001}};          // at least one
  std::vector<std::string> origins{"http://localhost:3000"};  // "scheme://host[:port]", lower case, no default port
  std::vector<std::string> own;  // no key: origins of the pages that this daemon serves itself, told from `listen`
  std::string path = "/";        // of Socket.IO, without a closing slash; always on /socket.io/ as well
  std::string base = {};         // all of it is served below this path, which has no closing slash; empty: at the root
  unsigned unix_mode = 0660;     // rights of a unix socket's file
  std::vector<std::string> trusted_proxies = {};  // networks, or "unix": their peers may say whom they speak for
  Forwarding forwarded = Forwarding::kXForwarded;
  unsigned reactors = 0;  // event loops; 0: one a core
};

struct Tls {
  std::filesystem::path certificate;  // PEM, its issuers behind it; neither file is looked at here
  std::filesystem::path key;

  bool on() const noexcept { return !certificate.empty(); }
};

struct Admin {
  std::optional<Endpoint> listen = Endpoint{"127.0.0.1", 3002};  // /metrics; empty: off
};

struct Redis {
  std::optional<RedisUrl> server;  // redis.url; none: sessions live in this process
};

struct Session {
  std::chrono::seconds ttl{10200};  // since the last use
  std::size_t max = 10000;          // sessions kept at once; more logins are refused as overloaded
  std::filesystem::path seal_key;   // what records in Redis are sealed with; empty: they are not. Not looked at here
};

enum class HostKeys {
  kAcceptNew,  // an unknown key is pinned once a login with it succeeded; a changed one is refused
  kStrict,     // only keys that are in known_hosts
  kOff,        // any key: for tests
};

struct Ssh {
  std::filesystem::path known_hosts = "/var/lib/pillard/known_hosts";
  HostKeys host_keys = HostKeys::kAcceptNew;
  std::vector<std::string> allow;  // networks, valid_network(): reachable although refused by default (loopback, ...)
  std::vector<std::string> deny;   // never reachable, whatever `allow` says
  std::chrono::milliseconds connect_timeout{10000};  // TCP, over all addresses of a name
  std::chrono::milliseconds linger{10000};           // a connection that nobody uses any more is kept so long
};

struct Plugins {
  std::filesystem::path directory;           // <name>.so lie here; default ../lib/pillard/plugins from the executable
  std::filesystem::path configuration;       // no key: conf.d beside the file; <name>.ini lie here
  std::vector<std::string> enabled;          // [a-z0-9-]+, each once, loaded in this order
  std::size_t max_failures = 20;             // a plugin whose code is left by so many exceptions ...
  std::chrono::seconds failure_window{300};  // ... in this time is stopped; 0 failures: it goes on
};

struct Engine {
  std::chrono::milliseconds ping_interval{10000};
  std::chrono::milliseconds ping_timeout{30000};
  std::size_t max_payload = 1000000;                    // bytes of one message from a client
  std::chrono::milliseconds connect_timeout{30000};     // until the first Socket.IO CONNECT
  std::chrono::milliseconds upgrade_timeout{10000};     // for a WebSocket to take over from polling
  std::vector<std::string> namespaces{"/", "/node/*"};  // of Socket.IO; "/x/*" stands for any one name below /x/
};

struct WebSocket {
  bool deflate = false;                   // permessage-deflate, for clients that offer it
  int deflate_level = 6;                  // 1 (fast) to 9 (small)
  int deflate_window_bits = 12;           // 9 to 15: how far back a message may refer, as a power of 2
  std::size_t deflate_min_bytes = 256;    // shorter messages are sent as they are
  bool deflate_context_takeover = false;  // messages may refer to those before: smaller, but compressed for each client
};

struct Logging {
  Level level = Level::kInfo;
  std::map<std::string, Level> levels{};  // by stage, one of kStages: instead of `level`
  bool json = false;                      // log.format: text or json
};

struct Watchdog {
  std::chrono::milliseconds slow{20};       // a plugin's callback that holds an event loop longer is named
  std::chrono::milliseconds unready{2000};  // a loop that does not come back so long fails /healthz and /readyz
  std::chrono::milliseconds fatal{30000};   // and so long ends the process; 0: never
};

struct Limits {
  std::size_t connections = 10000;                 // on the public listener, all together
  std::size_t connections_per_address = 256;       // of one IPv4 address or IPv6 /64
  std::size_t head_bytes = 16384;                  // request line and headers
  std::chrono::milliseconds head_timeout{10000};   // one deadline for the whole head
  std::chrono::milliseconds idle_timeout{60000};   // between requests, while nothing is under way
  std::size_t body_bytes = 65536;                  // of a REST call
  std::size_t outbox_bytes = 786432;               // waiting to be sent to one client; beyond it lines are dropped
  std::chrono::milliseconds stall_timeout{30000};  // a client that takes nothing for so long is closed
  unsigned messages_per_second = 100;              // read from one client, after the first messages_burst;
  unsigned messages_burst = 500;                   // one that keeps sending more is closed
  std::size_t subscriptions = 256;                 // of one client
};

struct Settings {
  std::filesystem::path file;
  Server server;
  Tls tls;  // of all addresses of server.listen, not of unix sockets
  Admin admin;
  Redis redis;
  Session session;
  Ssh ssh;
  Plugins plugins;
  Engine engine;
  WebSocket websocket;
  Logging log;
  Watchdog watchdog;
  Limits limits;
  std::map<std::string, std::string> given;  // every key that has a value of its own, with it; may hold a password
};

/// All that settings are made from. Nothing else is looked at: no environment, no disk.
struct Sources {
  std::filesystem::path file{};                      // relative paths of values are relative to it: make it absolute
  std::string text{};                                // its content
  std::filesystem::path executable{};                // for the default of plugins.directory
  std::map<std::string, std::string> environment{};  // WS_PORT, PORT, FRONTEND_URL, REDIS_URL; others are ignored
  std::vector<std::string> sets{};                   // "section.key=value", the last one wins
};

struct Loaded {
  Settings settings;                  // usable only without mistakes
  std::vector<Mistake> mistakes;      // in the order of the file; unknown keys last
  std::vector<std::string> warnings;  // for the operator; never a secret
};

/// [any] Never throws for what the sources hold: every mistake is found in one reading.
Loaded load(const Sources& sources);

/// [any] Reads `sources.file` into `sources.text` first. A file that cannot be read is the only mistake then.
Loaded load_file(Sources sources);

/// [any] The variables that load() knows, taken from this process.
std::map<std::string, std::string> environment();

/// [any] "127.0.0.1:3001", "[::1]:3001", "unix:/absolute/path"; port 0 lets the system choose one. Empty if it is
/// anything else.
std::optional<Endpoint> parse_endpoint(std::string_view text);
/// [any] Whether it is one address or a network: "192.0.2.7", "10.0.0.0/8", "fd00::/8". No bits are set behind the
/// prefix.
bool valid_network(std::string_view text);
/// [any] An origin as browsers send it: lower case, without a default port or a closing slash. Empty if it has a path,
/// a user, another scheme than http and https, or is no origin at all.
std::optional<std::string> parse_origin(std::string_view text);

}  // namespace pillard::config
