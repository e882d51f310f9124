#include "cli/record.h"

#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iterator>
#include <ostream>
#include <set>

#include "cli/command.h"
#include "cli/one_plugin.h"
#include "cli/recorder.h"
#include "pillard/json.h"
#include "reactor/workers.h"
#include "ssh/pool.h"
#include "ssh/resolver.h"

namespace pillard::cli {

namespace {
namespace fs = std::filesystem;

session::Secret secret_of(const std::string& option, const std::string& variable) {
  const char* const value = std::getenv(variable.c_str());
  if (!value || !*value) throw UsageError(fmt::format("--{}: the environment has no {}", option, variable));
  session::Secret secret(value);
  unsetenv(variable.c_str());
  return secret;
}

session::Secret key_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) throw UsageError(fmt::format("--key: {} cannot be read", file));
  return session::Secret::take(text);
}

/// "user@host", "user@host:port", "user@[2001:db8::1]:port"
session::Credential parse_node(const std::string& text) {
  const auto wrong = [] { return UsageError("--node: expected USER@HOST or USER@HOST:PORT, IPv6 in brackets"); };
  const auto at = text.rfind('@');
  if (at == std::string::npos || at == 0) throw wrong();
  session::Credential credential{.host = text.substr(at + 1), .username = text.substr(0, at), .password = {}};
  auto& host = credential.host;
  const auto bracket = host.rfind(']');
  const auto colon = host.rfind(':');
  if (colon == std::string::npos || (bracket != std::string::npos && colon < bracket)) return credential;
  if (bracket == std::string::npos && host.find(':') != colon) throw wrong();
  const char* const end = host.data() + host.size();
  const auto [last, error] = std::from_chars(host.data() + colon + 1, end, credential.port);
  if (error != std::errc{} || last != end || credential.port == 0) throw wrong();
  host.resize(colon);
  return credential;
}

Subscription parse_subscription(const std::string& text) {
  const auto equals = text.find('=');
  Subscription subscription{.type = text.substr(0, equals), .params = {}};
  if (equals == std::string::npos) return subscription;
  subscription.params = text.substr(equals + 1);
  if (!json::valid(subscription.params))
    throw UsageError(fmt::format("--subscribe {}: the params are no JSON: {}", subscription.type, subscription.params));
  return subscription;
}

fs::path file_of(const Record& wanted, const Subscription& subscription, std::string_view kind) {
  return wanted.to / fmt::format("{}.{}", subscription.type, kind);
}

void write(const fs::path& file, const std::string& text, std::ostream& out) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw std::runtime_error(fmt::format("{} cannot be written", file.string()));
  out << file.string() << '\n';
}

void write(const Record& wanted, const Subscription& subscription, const Transcript& transcript, std::ostream& out) {
  write(file_of(wanted, subscription, "recording"), testing::to_text(transcript.recording), out);
  std::string events;
  for (const auto& event : transcript.events) events += event + '\n';
  write(file_of(wanted, subscription, "events"), events, out);
  out << fmt::format("  {} commands, {} events\n", transcript.recording.runs.size(), transcript.events.size());
  if (const auto& problem = transcript.problem)
    out << fmt::format("  {} ended: {}: {}\n", subscription.type, name(problem->code()), problem->what());
}

/// What has to be right before anybody is called on.
void check(const Record& wanted, OnePlugin& plugin, const Config& config) {
  plugin.create();
  plugin.set_up(config);
  std::string wrong;
  for (const auto& mistake : config.mistakes()) wrong += (wrong.empty() ? "" : "\n") + mistake.text();
  if (!wrong.empty()) throw std::runtime_error(wrong);
  for (const auto& subscription : wanted.subscriptions) {
    if (!plugin.registry().find_subscribe(subscription.type))
      throw std::runtime_error(fmt::format("{} offers no stream \"{}\"", plugin.manifest().name, subscription.type));
    for (const auto* kind : {"recording", "events"})
      if (const auto file = file_of(wanted, subscription, kind); fs::exists(file))
        throw std::runtime_error(fmt::format("{} is there already, and is not overwritten", file.string()));
  }
  fs::create_directories(wanted.to);
}

/// All that a daemon has for SSH, for one node.
class Session {
 public:
  Session(const Record& wanted, observe::Log& log)
      : wanted_(wanted),
        reactors_(1),
        host_keys_({.file = wanted.known_hosts.string(),
                    .mode = wanted.host_keys,
                    .warn =
                        [&log](const std::string& text) {
                          log.warning("ssh", "known hosts", {{"warning", text}});
                        }}),
        workers_(std::in_place, reactor::Workers::Options{.name = "ssh"}),
        // Whoever sits at a terminal may connect to wherever they like.
        resolver_(*workers_, std::move(ssh::Egress::parse({.allow = {"0.0.0.0/0", "::/0"}, .deny = {}})).value()),
        pool_(std::in_place, reactors_, *workers_, resolver_, host_keys_, ssh::Options{}, &log) {}
  Session(const Session&) = delete;
  ~Session() {
    // The loop has ended: from here on its lane is this thread.
    reactors_.stop();
    recorders_.clear();
    reactors_.drain();
    pool_.reset();
    workers_.reset();
    reactors_.drain();
  }

  /// Returns when all streams are over.
  std::vector<Transcript> run(const loader::Registry& registry) {
    const auto key = session::lane_key(wanted_.node);
    std::promise<void> over;
    left_ = wanted_.subscriptions.size();
    pool_->reactor_of(key).post([&] {
      for (const auto& [type, params] : wanted_.subscriptions) {
        const auto& stream = *registry.find_subscribe(type);
        recorders_.push_back(std::make_unique<Recorder>(reactors_[0], pool_->lane(wanted_.node), stream,
                                                        stream.working()->decode(params), wanted_.time, [&] {
                                                          if (--left_ > 0) return;
                                                          pool_->release(key);
                                                          over.set_value();
                                                        }));
      }
    });
    reactors_.start();
    over.get_future().wait();
    reactors_.stop();
    std::vector<Transcript> all;
    for (const auto& recorder : recorders_) all.push_back(recorder->transcript());
    return all;
  }

 private:
  const Record& wanted_;
  reactor::Reactors reactors_;
  ssh::HostKeys host_keys_;
  std::optional<reactor::Workers> workers_;
  ssh::Resolver resolver_;
  std::optional<ssh::Pool> pool_;
  std::vector<std::unique_ptr<Recorder>> recorders_;
  std::size_t left_ = 0;  // streams that are not over
};
}  // namespace

void record(const Record& wanted, std::ostream& out) {
  observe::Log log({.level = Level::kWarning});
  observe::Metrics metrics;
  OnePlugin plugin(wanted.plugin, loader::Services{.log = log, .metrics = metrics});
  const auto config = read_configuration(wanted.configuration);
  check(wanted, plugin, config);
  for (const auto& [type, params] : wanted.subscriptions)
    plugin.registry().find_subscribe(type)->working()->decode(params);
  out << fmt::format("{}@{}: {} s of {}\n", wanted.node.username, session::node_key(wanted.node),
                     std::chrono::duration_cast<std::chrono::seconds>(wanted.time).count(), plugin.manifest().name)
      << std::flush;
  Session session(wanted, log);
  const auto transcripts = session.run(plugin.registry());
  for (const auto& transcript : transcripts)
    if (!transcript.reached) throw std::runtime_error(transcript.problem->what());
  for (std::size_t i = 0; i < transcripts.size(); ++i) write(wanted, wanted.subscriptions[i], transcripts[i], out);
}

Record parse_record(const std::vector<std::string>& words) {
  const Words given(words, {.once = {"node", "password-env", "key", "passphrase-env", "known-hosts", "host-keys",
                                     "plugin", "config", "for", "to"},
                            .repeated = {"subscribe"}});
  if (!given.plain().empty()) throw UsageError(fmt::format("\"{}\" is no option", given.plain().front()));
  Record wanted{.node = parse_node(given.required("node")),
                .known_hosts = given.option("known-hosts").value_or(""),
                .plugin = given.required("plugin"),
                .configuration = given.option("config").value_or(""),
                .subscriptions = {},
                .time = std::chrono::seconds(given.integer("for", 1, 3600).value_or(30)),
                .to = given.required("to")};
  std::set<std::string> types;
  for (const auto& text : given.options("subscribe")) {
    wanted.subscriptions.push_back(parse_subscription(text));
    if (!types.insert(wanted.subscriptions.back().type).second)
      throw UsageError(fmt::format("--subscribe {} stands twice", wanted.subscriptions.back().type));
  }
  if (wanted.subscriptions.empty()) throw UsageError("--subscribe is missing");
  if (wanted.known_hosts.empty())
    if (const char* const home = std::getenv("HOME"); home && *home)
      wanted.known_hosts = fs::path(home) / ".ssh/known_hosts";
  if (const auto mode = given.option("host-keys")) {
    const auto parsed = ssh::parse_host_key_mode(*mode);
    if (!parsed) throw UsageError(fmt::format("--host-keys: expected accept-new, strict or off, got \"{}\"", *mode));
    wanted.host_keys = *parsed;
  }
  if (const auto variable = given.option("password-env")) wanted.node.password = secret_of("password-env", *variable);
  if (const auto file = given.option("key")) wanted.node.private_key = key_of(*file);
  if (const auto variable = given.option("passphrase-env"))
    wanted.node.passphrase = secret_of("passphrase-env", *variable);
  if (wanted.node.password.empty() && wanted.node.private_key.empty())
    throw UsageError("--password-env VARIABLE or --key FILE is missing");
  auto credential = session::validate(std::move(wanted.node));
  if (!credential) throw UsageError(fmt::format("--node: {}", credential.error().what()));
  wanted.node = std::move(credential).value();
  return wanted;
}

}  // namespace pillard::cli
