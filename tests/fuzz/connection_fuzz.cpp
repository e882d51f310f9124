// Whole connections: the public site behind real connections on two loops that are turned by hand, and clients that say
// what the input says, in any cut. Whatever that was, nothing is left when they have gone and their time is up.
//
// An input is a list of steps, "@" CLIENT VERB DATA: CLIENT is a digit, VERB one of
//   >  says DATA as it stands; "~sid~" in it stands for the sid that was heard last
//   =  says DATA as a WebSocket frame, its first character being t, b, c, p or q: text, binary, close, ping, pong; or
//      1, 2, 0: a text, a binary or a continuation that is not the last; 8: a continuation that is; or z, Z: a
//      compressed text, whole or to be continued
//   !  ends its own side     x  closes     .  reads no more, or again     ~  so many milliseconds pass
#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "fanout/hub.h"
#include "fuzz/fuzz.h"
#include "transport/public_site.h"

namespace pillard::fuzz {
namespace {

using namespace std::chrono_literals;
using reactor::Clock;

constexpr std::string_view kToken = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

/// Knows one session.
class OneSession final : public session::Store {
 public:
  void create(reactor::Reactor& home, session::Credential, Found done) override { answer(home, true, std::move(done)); }
  void find(reactor::Reactor& home, std::string token, Found done) override {
    answer(home, token == kToken, std::move(done));
  }
  void touch(std::string_view) override {}
  void remove(reactor::Reactor& home, std::string token, Found done) override {
    answer(home, token == kToken, std::move(done));
  }
  session::EndWatch watch(reactor::Reactor&, std::string, Function<void()>) override { return {}; }

 private:
  void answer(reactor::Reactor& home, bool known, Found done) {
    home.post([session = known ? session_ : nullptr, done = std::move(done)]() mutable { done(std::move(session)); });
  }
  session::SessionPtr session_ = std::make_shared<session::Session>(
      session::Session{.id = std::string(kToken),
                       .credential = {.host = "192.0.2.1", .username = "u", .password = session::Secret("p")}});
};

/// What can be asked for. No node is ever reached, so none of it runs: a subscription is taken, and ends with a
/// problem.
struct LogsQuery {
  std::string service;
  PILLARD_FIELDS(LogsQuery, PILLARD_FIELD(service, {.required = true}))
};
struct NoParams {
  PILLARD_FIELDS(NoParams)
};
class IdleSource final : public Source {
 public:
  IdleSource(Context&, const LogsQuery&) {}
};
class IdleCall final : public Call {
 public:
  IdleCall(CallContext&, const NoParams&) {}
};

/// An exception that a connection had to catch is a defect.
class Witness final : public Poco::Channel {
 public:
  void log(const Poco::Message&) override { FUZZ_REQUIRE(!"an error was logged"); }
};

config::Settings settings() {
  config::Settings settings;
  settings.server.origins = {"http://localhost:3000"};
  settings.engine.max_payload = 4096;
  settings.websocket.deflate = true;
  settings.websocket.deflate_min_bytes = 16;
  settings.limits.outbox_bytes = 65536;
  settings.limits.messages_per_second = 20;
  settings.limits.messages_burst = 40;
  return settings;
}

/// Made once: what an input leaves in it is a defect.
class World {
 public:
  World() : site_(settings_, services_, sockets_) {
    for (std::size_t i = 0; i < reactors_.size(); ++i)
      homes_.push_back(
          std::make_unique<transport::Connections>(reactors_[i], settings_.limits, log_, transport_metrics_));
    loader::Enrolment enrolment(registry_, plugin_);
    enrolment.stream<LogsQuery, IdleSource>({.subscribe = "subscribe_logs",
                                             .unsubscribe = "unsubscribe_logs",
                                             .event = "log_data",
                                             .batch = "log_lines",
                                             .replay = 10});
    enrolment.call<NoParams, IdleCall>({.name = "get_config"});
    enrolment.commit();
    FUZZ_REQUIRE(!limiter_.attempt(peer_, "node", "user"));
    pump(0ms);
    resting_ = timers();
  }

  /// The client's end of a new connection.
  int connect() {
    std::array<int, 2> ends{};
    FUZZ_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    auto place = site_.enter(peer_);
    FUZZ_REQUIRE(place.has_value());
    auto& home = *homes_[next_++ % homes_.size()];
    home.count.fetch_add(1, std::memory_order_relaxed);
    home.add({.fd = ends[0], .peer = peer_, .id = ids_.next(), .place = std::move(*place)},
             [this](transport::Connection& connection) {
               return std::make_unique<transport::HttpProtocol>(connection, site_);
             });
    return ends[1];
  }
  void pump(std::chrono::milliseconds ahead) {
    now_ += ahead;
    for (std::size_t i = 0; i < reactors_.size(); ++i) reactors_[i].pump(now_);
  }
  /// What an input did not see the end of ends now, or never.
  void outlive() {
    for (int i = 0; i < 12 && (transport_metrics_.open.value() > 0 || timers() > resting_ || i < 2); ++i) pump(15s);
    FUZZ_REQUIRE(transport_metrics_.open.value() == 0);
    for (const auto& home : homes_) FUZZ_REQUIRE(home->count == 0);
    FUZZ_REQUIRE(timers() <= resting_);
    next_ = 0;
  }

 private:
  std::uint64_t timers() {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < reactors_.size(); ++i) all += reactors_[i].load().timers;
    return all;
  }

  Clock::time_point now_ = Clock::now();
  const wire::Address peer_{Poco::Net::IPAddress("192.0.2.7")};
  const config::Settings settings_ = settings();
  observe::Log log_{{.level = Level::kError, .channel = Poco::AutoPtr<Poco::Channel>(new Witness)}};
  observe::Metrics metrics_;
  observe::Health health_;
  observe::Ids ids_;
  reactor::Reactors reactors_{2};
  OneSession store_;
  // Nothing is ever dialled: the one attempt that there is, is used up.
  session::LoginLimiter limiter_{{.address = {1, 1h}, .now = [start = now_] { return start; }}};
  ssh::HostKeys host_keys_{{.file = "", .mode = ssh::HostKeyMode::kOff}};
  reactor::Workers workers_{{.name = "fuzz", .threads = 1}};
  ssh::Resolver resolver_{workers_,
                          std::move(ssh::Egress::parse({.allow = {}, .deny = {"0.0.0.0/0", "::/0"}})).value()};
  ssh::Pool pool_{reactors_, workers_, resolver_, host_keys_, ssh::Options{}};
  fanout::Hub hub_{reactors_, pool_, metrics_};
  loader::PluginRecord plugin_{"fuzz", {.log = log_, .metrics = metrics_}};
  loader::Registry registry_;
  const router::Services services_{.reactors = reactors_,
                                   .store = store_,
                                   .limiter = limiter_,
                                   .pool = pool_,
                                   .hub = hub_,
                                   .registry = registry_,
                                   .log = log_,
                                   .metrics = metrics_,
                                   .health = health_};
  router::Sockets sockets_{services_};
  transport::TransportMetrics transport_metrics_{metrics_};
  transport::PublicSite site_;
  std::vector<std::unique_ptr<transport::Connections>> homes_;
  std::size_t next_ = 0;
  std::uint64_t resting_ = 0;
};

struct Client {
  int fd = -1;
  bool reads = true;
};

class Conversation {
 public:
  Conversation(World& world, std::string_view input) : world_(world), cuts_(input) {}
  ~Conversation() {
    for (auto& client : clients_)
      if (client.fd >= 0) ::close(client.fd);
  }

  void step(std::size_t who, char verb, std::string_view data) {
    auto& client = clients_[who];
    if (client.fd < 0) client = {.fd = world_.connect()};
    switch (verb) {
      case '>': say(client, with_sid(data)); break;
      case '=': say(client, frame(data)); break;
      case '!': ::shutdown(client.fd, SHUT_WR); break;
      case '.': client.reads = !client.reads; break;
      case 'x': ::close(std::exchange(client.fd, -1)); break;
      default: {  // no more than the longest that anything here lasts
        int ms = 0;
        for (const char c : data.substr(0, 5))
          if (c >= '0' && c <= '9') ms = ms * 10 + (c - '0');
        return turn(std::chrono::milliseconds(ms));
      }
    }
    turn(0ms);
  }

 private:
  static std::string frame(std::string_view data) {
    const char kind = data.empty() ? 't' : data.front();
    if (!data.empty()) data.remove_prefix(1);
    const auto first = [&]() -> unsigned {
      switch (kind) {
        case 'b': return 0x82;
        case 'c': return 0x88;
        case 'p': return 0x89;
        case 'q': return 0x8A;
        case '0': return 0x00;
        case '1': return 0x01;
        case '2': return 0x02;
        case '8': return 0x80;
        case 'z': return 0xC1;
        case 'Z': return 0x41;
        default: return 0x81;
      }
    }();
    std::string out(1, static_cast<char>(first));
    if (data.size() < 126) {
      out += static_cast<char>(0x80U | data.size());
    } else {
      out += static_cast<char>(0xFE);
      out += static_cast<char>(data.size() >> 8U & 0xFFU);
      out += static_cast<char>(data.size() & 0xFFU);
    }
    out.append(4, '\0');
    return out.append(data);
  }
  std::string with_sid(std::string_view data) const {
    constexpr std::string_view kMark = "~sid~";
    std::string out;
    while (true) {
      const auto at = data.find(kMark);
      out.append(data.substr(0, at));
      if (at == std::string_view::npos) return out;
      out += sid_;
      data.remove_prefix(at + kMark.size());
    }
  }
  void say(Client& client, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(client.fd, bytes.data(), cuts_.next(bytes.size()), MSG_NOSIGNAL);
      if (sent <= 0) return;  // it is not read, or not open
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      turn(0ms);
    }
  }
  void turn(std::chrono::milliseconds ahead) {
    world_.pump(ahead);
    for (auto& client : clients_) {
      std::array<char, 16384> bytes;  // NOLINT: read into
      while (client.fd >= 0 && client.reads) {
        const auto got = ::recv(client.fd, bytes.data(), bytes.size(), 0);
        if (got <= 0) break;
        hear({bytes.data(), static_cast<std::size_t>(got)});
      }
    }
  }
  void hear(std::string_view bytes) {
    constexpr std::string_view kMark = R"(0{"sid":")";
    const auto at = bytes.find(kMark);
    // The one of Engine.IO, not of a namespace.
    if (at == std::string_view::npos || (at > 0 && bytes[at - 1] == '4')) return;
    sid_ = bytes.substr(at + kMark.size(), 20);
  }

  World& world_;
  Cuts cuts_;
  std::array<Client, 4> clients_;
  std::string sid_ = "AAxxxxxxxxxxxxxxxxxx";
};

constexpr std::string_view kVerbs = ">=!.x~";

/// Where the next step begins, or npos.
std::size_t next_step(std::string_view input, std::size_t from) {
  for (auto at = input.find('@', from); at != std::string_view::npos; at = input.find('@', at + 1))
    if (at + 2 < input.size() && input[at + 1] >= '0' && input[at + 1] <= '3' &&
        kVerbs.find(input[at + 2]) != std::string_view::npos)
      return at;
  return std::string_view::npos;
}

}  // namespace

void run(std::string_view input) {
  static World& world = *new World;
  {
    Conversation conversation(world, input);
    auto at = next_step(input, 0);
    for (int steps = 0; at != std::string_view::npos && steps < 64; ++steps) {
      const auto next = next_step(input, at + 3);
      conversation.step(static_cast<std::size_t>(input[at + 1] - '0'), input[at + 2],
                        input.substr(at + 3, next == std::string_view::npos ? next : next - at - 3));
      at = next;
    }
  }
  world.outlive();
}

}  // namespace pillard::fuzz
