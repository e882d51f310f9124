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
#include <span>
#include <utility>

#include "cli/command.h"
#include "cli/one_plugin.h"
#include "cli/recorder.h"
#include "cli/signals.h"
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

/// What stands behind --`option`.
std::vector<Request> parse_requests(const std::string& option, const std::vector<std::string>& texts) {
  std::vector<Request> requests;
  std::set<std::string> types;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    Request request{.type = text.substr(0, equals), .params = {}};
    if (equals != std::string::npos) {
      request.params = text.substr(equals + 1);
      if (!json::valid(request.params))
        throw UsageError(fmt::format("--{} {}: the params are no JSON: {}", option, request.type, request.params));
    }
    if (!types.insert(request.type).second) throw UsageError(fmt::format("--{} {} stands twice", option, request.type));
    requests.push_back(std::move(request));
  }
  return requests;
}

fs::path file_of(const Record& wanted, const Request& request, std::string_view kind) {
  return wanted.to / fmt::format("{}.{}", request.type, kind);
}

constexpr const char* kStreamFiles[] = {"recording", "events"};
constexpr const char* kCallFiles[] = {"recording", "reply", "problem"};

void write(const fs::path& file, const std::string& text, std::ostream& out) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw std::runtime_error(fmt::format("{} cannot be written", file.string()));
  out << file.string() << '\n';
}

void write_stream(const Record& wanted, const Request& request, const Transcript& transcript, std::ostream& out) {
  write(file_of(wanted, request, "recording"), testing::to_text(transcript.recording), out);
  std::string events;
  for (const auto& event : transcript.events) events += event + '\n';
  write(file_of(wanted, request, "events"), events, out);
  out << fmt::format("  {} commands, {} events\n", transcript.recording.runs.size(), transcript.events.size());
  if (const auto& problem = transcript.problem)
    out << fmt::format("  {} ended: {}: {}\n", request.type, name(problem->code()), problem->what());
}

/// As clients are told.
std::string text_of(const Error& problem) {
  std::string text = R"({"code":)";
  encode(text, name(problem.code()));
  text += R"(,"message":)";
  encode(text, std::string_view(problem.what()));
  return text + "}\n";
}

void write_call(const Record& wanted, const Request& request, const Transcript& transcript, std::ostream& out) {
  write(file_of(wanted, request, "recording"), testing::to_text(transcript.recording), out);
  if (transcript.reply) write(file_of(wanted, request, "reply"), *transcript.reply + '\n', out);
  if (transcript.problem) write(file_of(wanted, request, "problem"), text_of(*transcript.problem), out);
  out << fmt::format("  {} commands, ", transcript.recording.runs.size());
  if (const auto& problem = transcript.problem)
    out << fmt::format("answered: {}: {}\n", name(problem->code()), problem->what());
  else
    out << (transcript.reply ? "replied\n" : "not answered\n");
}

void keep_what_is_there(const Record& wanted, const Request& request, std::span<const char* const> kinds) {
  for (const auto* kind : kinds)
    if (const auto file = file_of(wanted, request, kind); fs::exists(file))
      throw std::runtime_error(fmt::format("{} is there already, and is not overwritten", file.string()));
}

/// What has to be right before anybody is called on.
void check(const Record& wanted, OnePlugin& plugin, const Config& config) {
  plugin.create();
  plugin.set_up(config);
  std::string wrong;
  for (const auto& mistake : config.mistakes()) wrong += (wrong.empty() ? "" : "\n") + mistake.text();
  if (!wrong.empty()) throw std::runtime_error(wrong);
  const auto& registry = plugin.registry();
  const auto& name = plugin.manifest().name;
  for (const auto& request : wanted.subscriptions) {
    if (registry.find_call(request.type))
      throw std::runtime_error(fmt::format("\"{}\" is a call of {}: --call takes it", request.type, name));
    if (!registry.find_subscribe(request.type))
      throw std::runtime_error(fmt::format("{} offers no stream \"{}\"", name, request.type));
    keep_what_is_there(wanted, request, kStreamFiles);
  }
  for (const auto& request : wanted.calls) {
    if (registry.find_subscribe(request.type))
      throw std::runtime_error(fmt::format("\"{}\" is a stream of {}: --subscribe takes it", request.type, name));
    if (!registry.find_call(request.type))
      throw std::runtime_error(fmt::format("{} offers no call \"{}\"", name, request.type));
    keep_what_is_there(wanted, request, kCallFiles);
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

  /// Returns when all streams and calls are over; a signal ends them. `out` is told once that the node was reached.
  std::vector<Transcript> run(const loader::Registry& registry, Signals& signals, std::ostream& out) {
    const auto key = session::lane_key(wanted_.node);
    auto& home = pool_->reactor_of(key);
    std::promise<void> over;
    const auto told = [&] {
      return Recorder::Told{.reached =
                                [&] {
                                  if (std::exchange(reached_, true)) return;
                                  out << "The node was reached; SIGINT (Ctrl-C) ends it early.\n" << std::flush;
                                },
                            .over =
                                [&] {
                                  if (--left_ > 0) return;
                                  // Later: it may be the end of a command that is told here, from within the lane.
                                  home.post([&] {
                                    pool_->release(key);
                                    over.set_value();
                                    signals.done();
                                  });
                                }};
    };
    left_ = wanted_.subscriptions.size() + wanted_.calls.size();
    home.post([&] {
      auto& lane = pool_->lane(wanted_.node);
      for (const auto& [type, params] : wanted_.subscriptions) {
        const auto& stream = *registry.find_subscribe(type);
        recorders_.push_back(std::make_unique<StreamRecorder>(home, lane, stream, stream.working()->decode(params),
                                                              wanted_.time, told()));
      }
      for (const auto& [type, params] : wanted_.calls)
        recorders_.push_back(
            std::make_unique<CallRecorder>(home, lane, *registry.find_call(type), params, wanted_.time, told()));
    });
    reactors_.start();
    signals.wait();
    home.post([&] {
      for (const auto& recorder : recorders_) recorder->end();
    });
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
  std::size_t left_ = 0;  // streams and calls that are not over
  bool reached_ = false;
};
}  // namespace

void record(const Record& wanted, std::ostream& out) {
  Signals signals;  // before a plugin can start threads
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
  const auto transcripts = session.run(plugin.registry(), signals, out);
  for (const auto& transcript : transcripts)
    if (!transcript.reached)
      throw std::runtime_error(transcript.problem ? transcript.problem->what()
                                                  : "it was ended before the node was reached");
  auto transcript = transcripts.begin();
  for (const auto& request : wanted.subscriptions) write_stream(wanted, request, *transcript++, out);
  for (const auto& request : wanted.calls) write_call(wanted, request, *transcript++, out);
}

Record parse_record(const std::vector<std::string>& words) {
  const Words given(words, {.once = {"node", "password-env", "key", "passphrase-env", "known-hosts", "host-keys",
                                     "plugin", "config", "for", "to"},
                            .repeated = {"subscribe", "call"}});
  if (!given.plain().empty()) throw UsageError(fmt::format("\"{}\" is no option", given.plain().front()));
  Record wanted{.node = parse_node(given.required("node")),
                .known_hosts = given.option("known-hosts").value_or(""),
                .plugin = given.required("plugin"),
                .configuration = given.option("config").value_or(""),
                .subscriptions = parse_requests("subscribe", given.options("subscribe")),
                .calls = parse_requests("call", given.options("call")),
                .time = std::chrono::seconds(given.integer("for", 1, 3600).value_or(30)),
                .to = given.required("to")};
  if (wanted.subscriptions.empty() && wanted.calls.empty()) throw UsageError("--subscribe or --call is missing");
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
