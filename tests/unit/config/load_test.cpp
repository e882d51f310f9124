#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "unit/config/fixture.h"

namespace pillard::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Load, TakesAnEmptyFileForTheDefaults) {
  const auto settings = good(from(""));
  EXPECT_THAT(listen(settings), ElementsAre("127.0.0.1:3001"));
  EXPECT_THAT(settings.server.origins, ElementsAre("http://localhost:3000"));
  EXPECT_EQ(settings.server.path, "/");
  EXPECT_EQ(settings.admin.listen->text(), "127.0.0.1:3002");
  EXPECT_EQ(settings.session.ttl.count(), 10200);
  EXPECT_TRUE(settings.session.seal_key.empty());
  EXPECT_EQ(settings.ssh.known_hosts, "/var/lib/pillard/known_hosts");
  EXPECT_EQ(settings.plugins.directory, "/usr/lib/pillard/plugins");
  EXPECT_EQ(settings.plugins.configuration, "/etc/pillard/conf.d");
  EXPECT_THAT(settings.plugins.enabled, IsEmpty());
  EXPECT_EQ(settings.engine.ping_interval, milliseconds(10000));
  EXPECT_EQ(settings.engine.ping_timeout, milliseconds(30000));
  EXPECT_EQ(settings.engine.max_payload, 1000000u);
  EXPECT_EQ(settings.engine.connect_timeout, milliseconds(30000));
  EXPECT_FALSE(settings.websocket.deflate);
  EXPECT_EQ(settings.websocket.deflate_level, 6);
  EXPECT_EQ(settings.websocket.deflate_window_bits, 12);
  EXPECT_EQ(settings.websocket.deflate_min_bytes, 256u);
  EXPECT_FALSE(settings.websocket.deflate_context_takeover);
}

TEST(Load, ReadsEverySection) {
  const auto settings = good(from(R"(
[server]
listen = 0.0.0.0:80, [::1]:8080
origins = https://A.example:443, http://b.example:81/
path = /live/
base = /pillard/
unix_mode = 600
trusted_proxies = 10.0.0.0/8, unix
forwarded = forwarded
reactors = 2
[admin]
listen =
[session]
ttl = 60
max = 5
seal_key = /etc/keys/seal
[ssh]
host_keys = strict
allow = 127.0.0.0/8, ::1
deny = 10.0.0.0/8
connect_timeout = 500
linger = 0
[plugins]
enabled = b, a-1
[engine]
ping_interval = 300
ping_timeout = 200
max_payload = 2000
connect_timeout = 1000
[websocket]
deflate = yes
deflate_level = 1
deflate_window_bits = 15
deflate_min_bytes = 0
deflate_context_takeover = on
[log]
level = debug
format = json
[limits]
connections = 10
connections_per_address = 3
idle_timeout = 1500
subscriptions = 4
head_bytes = 2048
head_timeout = 200
body_bytes = 4096
outbox_bytes = 65536
stall_timeout = 5000
messages_per_second = 7
messages_burst = 8
)"));
  EXPECT_THAT(listen(settings), ElementsAre("0.0.0.0:80", "[::1]:8080"));
  EXPECT_THAT(settings.server.origins, ElementsAre("https://a.example", "http://b.example:81"));
  EXPECT_EQ(settings.server.path, "/live");
  EXPECT_EQ(settings.server.reactors, 2u);
  EXPECT_EQ(settings.server.base, "/pillard");
  EXPECT_EQ(settings.server.unix_mode, 0600u);
  EXPECT_THAT(settings.server.trusted_proxies, ElementsAre("10.0.0.0/8", "unix"));
  EXPECT_EQ(settings.server.forwarded, Forwarding::kForwarded);
  EXPECT_FALSE(settings.admin.listen);
  EXPECT_EQ(settings.session.ttl.count(), 60);
  EXPECT_EQ(settings.session.max, 5u);
  EXPECT_EQ(settings.session.seal_key, "/etc/keys/seal");
  EXPECT_EQ(settings.ssh.host_keys, HostKeys::kStrict);
  EXPECT_THAT(settings.ssh.allow, ElementsAre("127.0.0.0/8", "::1"));
  EXPECT_THAT(settings.ssh.deny, ElementsAre("10.0.0.0/8"));
  EXPECT_EQ(settings.ssh.connect_timeout, milliseconds(500));
  EXPECT_EQ(settings.ssh.linger, milliseconds(0));
  EXPECT_THAT(settings.plugins.enabled, ElementsAre("b", "a-1"));
  EXPECT_EQ(settings.engine.ping_interval, milliseconds(300));
  EXPECT_EQ(settings.engine.ping_timeout, milliseconds(200));
  EXPECT_EQ(settings.engine.max_payload, 2000u);
  EXPECT_EQ(settings.engine.connect_timeout, milliseconds(1000));
  EXPECT_TRUE(settings.websocket.deflate);
  EXPECT_EQ(settings.websocket.deflate_level, 1);
  EXPECT_EQ(settings.websocket.deflate_window_bits, 15);
  EXPECT_EQ(settings.websocket.deflate_min_bytes, 0u);
  EXPECT_TRUE(settings.websocket.deflate_context_takeover);
  EXPECT_EQ(settings.log.level, Level::kDebug);
  EXPECT_TRUE(settings.log.json);
  EXPECT_EQ(settings.limits.connections, 10u);
  EXPECT_EQ(settings.limits.connections_per_address, 3u);
  EXPECT_EQ(settings.limits.idle_timeout, milliseconds(1500));
  EXPECT_EQ(settings.limits.subscriptions, 4u);
  EXPECT_EQ(settings.limits.head_bytes, 2048u);
  EXPECT_EQ(settings.limits.head_timeout, milliseconds(200));
  EXPECT_EQ(settings.limits.body_bytes, 4096u);
  EXPECT_EQ(settings.limits.outbox_bytes, 65536u);
  EXPECT_EQ(settings.limits.stall_timeout, 5s);
  EXPECT_EQ(settings.limits.messages_per_second, 7u);
  EXPECT_EQ(settings.limits.messages_burst, 8u);
}

TEST(Load, TakesRelativePathsFromTheFile) {
  const auto settings =
      good(from("[session]\nseal_key = seal.key\n[ssh]\nknown_hosts = ../state/hosts\n[plugins]\ndirectory = lib\n"));
  EXPECT_EQ(settings.session.seal_key, "/etc/pillard/seal.key");
  EXPECT_EQ(settings.ssh.known_hosts, "/etc/state/hosts");
  EXPECT_EQ(settings.plugins.directory, "/etc/pillard/lib");
}

TEST(Load, KeepsAbsolutePaths) {
  EXPECT_EQ(good(from("[plugins]\ndirectory = /opt/plugins\n")).plugins.directory, "/opt/plugins");
}

TEST(Load, NamesFileLineAndKeyOfEachMistake) {
  EXPECT_THAT(
      wrong("[session]\nttl = soon\n[log]\nlevel = loud\n"),
      ElementsAre("/etc/pillard/pillard.ini:2: session.ttl: expected an integer from 60 to 2592000, got \"soon\"",
                  "/etc/pillard/pillard.ini:4: log.level: \"loud\" is none of: info, error, warning, debug"));
}

TEST(Load, RefusesAnUnknownKey) {
  EXPECT_THAT(wrong("[server]\nlisten = 127.0.0.1:1\norigin = http://a.example\n"),
              ElementsAre("/etc/pillard/pillard.ini:3: server.origin: unknown key"));
}

TEST(Load, RefusesAnUnknownSection) {
  EXPECT_THAT(wrong("[node-status]\nunits = a\n"), ElementsAre(HasSubstr("node-status.units: unknown key")));
}

TEST(Load, RefusesANameToListenOn) {
  EXPECT_THAT(wrong("[server]\nlisten = localhost:3001\n"),
              ElementsAre(HasSubstr("\"localhost:3001\" is no address to listen on; write 127.0.0.1:3001")));
}

TEST(Load, RefusesToListenNowhere) {
  EXPECT_THAT(wrong("[server]\nlisten =\n"), ElementsAre(HasSubstr("at least one address is needed")));
}

TEST(Load, RefusesTheSameAddressTwice) {
  EXPECT_THAT(wrong("[server]\nlisten = [::1]:1, [0::1]:1\n"), ElementsAre(HasSubstr("[::1]:1 stands twice")));
}

TEST(Load, RefusesMetricsOnThePublicListener) {
  EXPECT_THAT(wrong("[admin]\nlisten = 127.0.0.1:3001\n"), ElementsAre(HasSubstr("is taken by server.listen")));
}

TEST(Load, RefusesWildcardOriginsAndSaysWhy) {
  EXPECT_THAT(wrong("[server]\norigins = *\n"), ElementsAre(HasSubstr("session cookie")));
  EXPECT_THAT(wrong("[server]\norigins = https://*.example\n"), ElementsAre(HasSubstr("session cookie")));
}

TEST(Load, RefusesAnOriginWithAPath) {
  EXPECT_THAT(wrong("[server]\norigins = https://a.example/dash\n"), ElementsAre(HasSubstr("is no origin")));
}

TEST(Load, NeverRepeatsAPasswordOfAnOrigin) {
  const auto mistakes = wrong("[server]\norigins = https://me:hunter2@a.example\n");
  EXPECT_THAT(mistakes, ElementsAre(Not(HasSubstr("hunter2"))));
}

TEST(Load, RefusesPathsThatTheDaemonUsesItself) {
  EXPECT_THAT(wrong("[server]\npath = /api/live\n"), ElementsAre(HasSubstr("/api is used by the daemon itself")));
}

TEST(Load, RefusesWhatIsNoPath) {
  for (const auto* path : {"live", "/a b", "/a?b", "//", "/a%20"})
    EXPECT_THAT(wrong(std::string("[server]\npath = ") + path), ElementsAre(HasSubstr("is no path"))) << path;
}

TEST(Load, KeepsSessionsInMemoryUnlessRedisIsNamed) {
  EXPECT_FALSE(good(from("")).redis.server);
  EXPECT_FALSE(good(from("[redis]\nurl =\n")).redis.server);
}

TEST(Load, ReadsTheUrlOfRedis) {
  const auto redis = good(from("[redis]\nurl = redis://app:hunter2@cache:6380/3\n")).redis.server;
  ASSERT_TRUE(redis);
  EXPECT_EQ(redis->text(), "cache:6380/3");
  EXPECT_EQ(redis->user, "app");
  EXPECT_EQ(redis->password, "hunter2");
}

TEST(Load, RefusesAWrongRedisUrlWithoutRepeatingItsPassword) {
  EXPECT_THAT(wrong("[redis]\nurl = rediss://:hunter2@h\n"),
              ElementsAre(testing::AllOf(HasSubstr(":2: redis.url: TLS to Redis is not available"),
                                         Not(HasSubstr("hunter2")))));
}

TEST(Load, RefusesWhatIsNoNetwork) {
  for (const auto* network : {"10.0.0.0/33", "10.0.0.1/8", "ten", "::/129", "10.0.0.0/"})
    EXPECT_THAT(wrong(std::string("[ssh]\ndeny = ") + network), ElementsAre(HasSubstr("is no network"))) << network;
}

TEST(Load, RefusesPluginNamesThatWouldLeaveTheirDirectory) {
  EXPECT_THAT(wrong("[plugins]\nenabled = ../evil\n"), ElementsAre(HasSubstr("is no name of a plugin")));
}

TEST(Load, RefusesAPluginThatIsEnabledTwice) {
  EXPECT_THAT(wrong("[plugins]\nenabled = a, b, a\n"), ElementsAre(HasSubstr("\"a\" stands twice")));
  EXPECT_THAT(wrong("[plugins]\nmax_failures = -1\n"), ElementsAre(HasSubstr("expected an integer from 0 to 10000")));
  EXPECT_THAT(wrong("[plugins]\nfailure_window = 0\n"), ElementsAre(HasSubstr("expected an integer from 1 to 86400")));
}

TEST(Load, AddsTheOriginsOfItsOwnPages) {
  EXPECT_THAT(good(from("")).server.own, ElementsAre("http://127.0.0.1:3001", "http://localhost:3001"));
  EXPECT_THAT(good(from("[server]\nlisten = 192.0.2.7:80\n")).server.own, ElementsAre("http://192.0.2.7"));
}

TEST(Load, KnowsNoOwnOriginBehindAWildcard) {
  EXPECT_THAT(good(from("[server]\nlisten = 0.0.0.0:3001, [::]:3001\n")).server.own, IsEmpty());
}

TEST(Load, PutsThePortOfTheEnvironmentIntoEachAddress) {
  auto sources = from("[server]\nlisten = 0.0.0.0:3001, [::1]:3002\n");
  sources.environment = {{"PORT", "8080"}};
  EXPECT_THAT(listen(good(sources)), ElementsAre("0.0.0.0:8080", "[::1]:8080"));
}

TEST(Load, ListensOnceWhenTheEnvironmentMakesAddressesEqual) {
  auto sources = from("[server]\nlisten = 127.0.0.1:1, 127.0.0.1:2\n");
  sources.environment = {{"PORT", "8080"}};
  EXPECT_THAT(listen(good(sources)), ElementsAre("127.0.0.1:8080"));
}

TEST(Load, PrefersWsPortToPort) {
  auto sources = from("");
  sources.environment = {{"PORT", "8080"}, {"WS_PORT", "9090"}};
  EXPECT_THAT(listen(good(sources)), ElementsAre("127.0.0.1:9090"));
}

TEST(Load, TakesAnEmptyVariableForAnUnsetOne) {
  auto sources = from("");
  sources.environment = {{"WS_PORT", ""}, {"PORT", "8080"}, {"FRONTEND_URL", ""}, {"REDIS_URL", ""}};
  const auto loaded = load(sources);
  EXPECT_THAT(listen(loaded.settings), ElementsAre("127.0.0.1:8080"));
  EXPECT_THAT(loaded.settings.server.origins, ElementsAre("http://localhost:3000"));
  EXPECT_THAT(loaded.warnings, IsEmpty());
}

TEST(Load, NamesTheVariableThatHoldsABadPort) {
  for (const auto* port : {"0", "65536", "80x", "-1", " 80"}) {
    auto sources = from("");
    sources.environment = {{"WS_PORT", port}};
    EXPECT_THAT(texts(load(sources).mistakes), ElementsAre(testing::StartsWith("WS_PORT: server.listen: "))) << port;
  }
}

TEST(Load, StillNamesABadAddressWhenThePortIsReplaced) {
  auto sources = from("[server]\nlisten = nowhere\n");
  sources.environment = {{"PORT", "8080"}};
  EXPECT_THAT(texts(load(sources).mistakes), ElementsAre(HasSubstr(":2: server.listen: \"nowhere\"")));
}

TEST(Load, ReplacesTheOriginsByTheFrontendUrl) {
  auto sources = from("[server]\norigins = https://a.example\n");
  sources.environment = {{"FRONTEND_URL", "https://dash.example/"}};
  EXPECT_THAT(good(sources).server.origins, ElementsAre("https://dash.example"));
}

TEST(Load, PrefersRedisUrlToTheFile) {
  auto sources = from("[redis]\nurl = redis://a\n");
  sources.environment = {{"REDIS_URL", "redis://:hunter2@b"}};
  EXPECT_EQ(good(sources).redis.server->text(), "b:6379/0");
}

TEST(Load, NamesRedisUrlWhenItIsWrongWithoutRepeatingIt) {
  auto sources = from("");
  sources.environment = {{"REDIS_URL", "redis://:hunter2@b:port"}};
  EXPECT_THAT(texts(load(sources).mistakes),
              ElementsAre(testing::AllOf(testing::StartsWith("REDIS_URL: redis.url: the port is no number"),
                                         Not(HasSubstr("hunter2")))));
}

TEST(Load, LetsSetWinOverFileAndEnvironment) {
  auto sources = from("[server]\nlisten = 127.0.0.1:1\n");
  sources.environment = {{"PORT", "8080"}, {"FRONTEND_URL", "https://a.example"}};
  sources.sets = {"server.listen=127.0.0.1:2", "server.origins=https://b.example", "server.listen=127.0.0.1:3"};
  const auto settings = good(sources);
  EXPECT_THAT(listen(settings), ElementsAre("127.0.0.1:3"));
  EXPECT_THAT(settings.server.origins, ElementsAre("https://b.example"));
}

TEST(Load, KeepsEqualsSignsInASetValue) {
  auto sources = from("");
  sources.sets = {"ssh.known_hosts=/a=b"};
  EXPECT_EQ(good(sources).ssh.known_hosts, "/a=b");
}

TEST(Load, NamesASetOfAnUnknownKey) {
  auto sources = from("");
  sources.sets = {"server.listne=127.0.0.1:1"};
  EXPECT_THAT(texts(load(sources).mistakes), ElementsAre("--set: server.listne: unknown key"));
}

TEST(Load, NamesASetThatIsNone) {
  auto sources = from("");
  sources.sets = {"server.path", "path=/a", ".path=/a", "server.=/a", "=/a"};
  EXPECT_THAT(texts(load(sources).mistakes), testing::Each(HasSubstr("expected section.key=value")));
  EXPECT_EQ(load(sources).mistakes.size(), 5u);
}

TEST(Load, WarnsOfMetricsThatOthersCanReach) {
  EXPECT_THAT(load(from("[admin]\nlisten = 0.0.0.0:9\n")).warnings, ElementsAre(HasSubstr("0.0.0.0:9")));
}

TEST(Load, WarnsOfProxiesThatAreHardlyMeant) {
  EXPECT_THAT(load(from("[server]\ntrusted_proxies = 0.0.0.0/0\n")).warnings, ElementsAre(HasSubstr("0.0.0.0/0")));
  EXPECT_THAT(load(from("[server]\nlisten = unix:/run/p.sock\n")).warnings, ElementsAre(HasSubstr("lacks unix")));
  EXPECT_THAT(load(from("[server]\ntrusted_proxies = unix\n")).warnings, ElementsAre(HasSubstr("no unix socket")));
  EXPECT_THAT(
      load(from("[server]\nlisten = unix:/run/p.sock\ntrusted_proxies = unix\n[tls]\ncertificate = c\nkey = k\n"))
          .warnings,
      ElementsAre(HasSubstr("not used")));
}

TEST(Load, WarnsOfHostKeysThatAreNotChecked) {
  EXPECT_THAT(load(from("[ssh]\nhost_keys = off\n")).warnings, ElementsAre(HasSubstr("host_keys is off")));
}

TEST(LoadFile, SaysWhyAFileCannotBeRead) {
  const auto loaded = load_file({.file = "/nowhere/pillard.ini"});
  EXPECT_THAT(texts(loaded.mistakes), ElementsAre("/nowhere/pillard.ini: cannot be read: No such file or directory"));
}

TEST(LoadFile, RefusesADirectory) {
  EXPECT_THAT(texts(load_file({.file = "/tmp"}).mistakes), ElementsAre(HasSubstr("/tmp: cannot be read: ")));
}

TEST(LoadFile, RefusesAHugeFile) {
  EXPECT_THAT(texts(load_file({.file = "/dev/zero"}).mistakes), ElementsAre(HasSubstr("larger than 1 MiB")));
}

TEST(LoadFile, TakesTheFileThatIsShipped) {
  const auto root = std::filesystem::path(PILLARD_SOURCES);
  const auto file = root / "etc/pillard.ini";
  const auto loaded = load_file({.file = file, .executable = "/usr/bin/pillard"});
  EXPECT_THAT(texts(loaded.mistakes), IsEmpty());
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_THAT(loaded.settings.plugins.enabled,
              ElementsAre("node-status", "client-logs", "node-metrics", "service-control"));
  EXPECT_EQ(loaded.settings.ssh.known_hosts, (root / "build/known_hosts").lexically_normal());
}

TEST(LoadFile, ShowsTheDefaultsInTheFileThatIsShipped) {
  const auto file = std::filesystem::path(PILLARD_SOURCES) / "etc/pillard.ini";
  const auto shown = load_file({.file = file}).settings;
  const Settings defaults;
  EXPECT_EQ(shown.server.listen, defaults.server.listen);
  EXPECT_EQ(shown.server.origins, defaults.server.origins);
  EXPECT_EQ(shown.server.path, defaults.server.path);
  EXPECT_EQ(shown.server.reactors, defaults.server.reactors);
  EXPECT_EQ(shown.server.base, defaults.server.base);
  EXPECT_EQ(shown.server.unix_mode, defaults.server.unix_mode);
  EXPECT_EQ(shown.server.trusted_proxies, defaults.server.trusted_proxies);
  EXPECT_EQ(shown.server.forwarded, defaults.server.forwarded);
  EXPECT_EQ(shown.limits.connections_per_address, defaults.limits.connections_per_address);
  EXPECT_EQ(shown.limits.idle_timeout, defaults.limits.idle_timeout);
  EXPECT_EQ(shown.limits.subscriptions, defaults.limits.subscriptions);
  EXPECT_EQ(shown.admin.listen, defaults.admin.listen);
  EXPECT_EQ(shown.session.ttl, defaults.session.ttl);
  EXPECT_EQ(shown.session.max, defaults.session.max);
  EXPECT_EQ(shown.session.seal_key, defaults.session.seal_key);
  EXPECT_EQ(shown.ssh.host_keys, defaults.ssh.host_keys);
  EXPECT_EQ(shown.ssh.connect_timeout, defaults.ssh.connect_timeout);
  EXPECT_EQ(shown.ssh.linger, defaults.ssh.linger);
  EXPECT_EQ(shown.engine.ping_interval, defaults.engine.ping_interval);
  EXPECT_EQ(shown.engine.ping_timeout, defaults.engine.ping_timeout);
  EXPECT_EQ(shown.engine.max_payload, defaults.engine.max_payload);
  EXPECT_EQ(shown.websocket.deflate, defaults.websocket.deflate);
  EXPECT_EQ(shown.websocket.deflate_level, defaults.websocket.deflate_level);
  EXPECT_EQ(shown.websocket.deflate_window_bits, defaults.websocket.deflate_window_bits);
  EXPECT_EQ(shown.websocket.deflate_min_bytes, defaults.websocket.deflate_min_bytes);
  EXPECT_EQ(shown.websocket.deflate_context_takeover, defaults.websocket.deflate_context_takeover);
  EXPECT_EQ(shown.engine.connect_timeout, defaults.engine.connect_timeout);
  EXPECT_EQ(shown.log.level, defaults.log.level);
  EXPECT_EQ(shown.log.json, defaults.log.json);
  EXPECT_EQ(shown.log.levels, defaults.log.levels);
  EXPECT_EQ(shown.watchdog.slow, defaults.watchdog.slow);
  EXPECT_EQ(shown.watchdog.unready, defaults.watchdog.unready);
  EXPECT_EQ(shown.watchdog.fatal, defaults.watchdog.fatal);
  EXPECT_EQ(shown.limits.connections, defaults.limits.connections);
  EXPECT_EQ(shown.limits.head_bytes, defaults.limits.head_bytes);
  EXPECT_EQ(shown.limits.head_timeout, defaults.limits.head_timeout);
  EXPECT_EQ(shown.limits.body_bytes, defaults.limits.body_bytes);
  EXPECT_EQ(shown.limits.outbox_bytes, defaults.limits.outbox_bytes);
  EXPECT_EQ(shown.limits.stall_timeout, defaults.limits.stall_timeout);
  EXPECT_EQ(shown.limits.messages_per_second, defaults.limits.messages_per_second);
  EXPECT_EQ(shown.limits.messages_burst, defaults.limits.messages_burst);
}

TEST(Load, KeepsWhatWasGivenSoThatChangesCanBeTold) {
  auto sources = from("[plugins]\nmax_failures = 3\n");
  sources.sets = {"limits.subscriptions=9"};
  const auto settings = good(sources);
  EXPECT_EQ(settings.plugins.max_failures, 3U);
  EXPECT_THAT(settings.given, testing::UnorderedElementsAre(testing::Pair("plugins.max_failures", "3"),
                                                            testing::Pair("limits.subscriptions", "9")));
}

}  // namespace
}  // namespace pillard::config
