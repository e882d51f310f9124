// An echo server on the host's own transport, for the public conformance suites of its protocols.
//
//   pillard-echo --listen ADDRESS:PORT [--ping-interval MS] [--ping-timeout MS] [--connect-timeout MS]
//                [--upgrade-timeout MS] [--max-payload BYTES] [--deflate] [--reactors N]
//
//   /echo        WebSocket: every message comes back as it was
//   /engine.io/  Engine.IO: the same
//   /socket.io/  Socket.IO: whoever joins / or /custom is sent `auth` with what it brought; `message` comes back as
//                `message-back`, `message-with-ack` is acknowledged with its arguments
//
// With --deflate it agrees to compression on all of them, as clients offer it.
#include <pthread.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>

#include "observe/ids.h"
#include "transport/engine_server.h"
#include "transport/listener.h"
#include "transport/socket_io.h"
#include "transport/websocket_upgrade.h"

namespace pillard {
namespace {

struct Options {
  config::Endpoint listen{"127.0.0.1", 0};
  config::Engine engine;
  std::optional<std::size_t> max_payload;
  bool deflate = false;
  unsigned reactors = 2;
};

class RawEcho final : public transport::WsHandler {
 public:
  void opened(transport::WebSocket& socket) override { socket_ = &socket; }
  void text(std::string_view message) override { socket_->send_text(message); }
  void binary(std::string_view message) override { socket_->send_binary(message); }

 private:
  transport::WebSocket* socket_ = nullptr;
};

class EngineEcho final : public transport::EngineHandler {
 public:
  void opened(transport::EngineSession& session) override { session_ = &session; }
  void message(std::string_view data) override { session_->send("4" + std::string(data)); }
  void binary(std::string_view data) override { session_->send_binary(data); }
  void heartbeat() override {}

 private:
  transport::EngineSession* session_ = nullptr;
};

std::string joined(const std::vector<std::string_view>& arguments) {
  std::string all;
  for (const auto argument : arguments) all.append(all.empty() ? "" : ",").append(argument);
  return all;
}

class SocketEcho final : public transport::NamespaceHandler {
 public:
  explicit SocketEcho(transport::Namespace& home) : home_(home) {}
  void open(std::string_view auth) override {
    home_.accept();
    home_.emit("auth", auth.empty() ? "{}" : auth);
  }
  void event(const transport::SocketEvent& event) override {
    if (event.name == "message") home_.emit("message-back", joined(event.arguments), event.attachments);
    if (event.name == "message-with-ack" && event.id)
      home_.acknowledge(*event.id, joined(event.arguments), event.attachments);
  }

 private:
  transport::Namespace& home_;
};

class EchoNamespaces final : public transport::NamespaceMaker {
 public:
  std::unique_ptr<transport::NamespaceHandler> make(transport::Namespace& joining) override {
    if (joining.name() != "/" && joining.name() != "/custom") return nullptr;
    return std::make_unique<SocketEcho>(joining);
  }
};

class EchoSite final : public transport::Site {
 public:
  EchoSite(const Options& options, observe::Metrics& metrics)
      : options_(options),
        raw_({.deflate = options.deflate,
              .deflate_window_bits = 15,
              .deflate_min_bytes = 0,
              .deflate_context_takeover = true},
             metrics),
        shared_({.deflate = options.deflate}, metrics),
        engine_(
            options.engine, options.reactors, kSessions,
            [](const auto&, std::uint64_t) { return std::make_unique<EngineEcho>(); }, &shared_),
        socket_(
            options.engine, options.reactors, kSessions,
            [](const auto&, std::uint64_t) {
              return std::make_unique<transport::SocketIo>(std::make_unique<EchoNamespaces>());
            },
            &shared_) {}
  void stop() {
    engine_.stop();
    socket_.stop();
  }

  transport::Connections* home(const transport::Connection& connection, const wire::HttpRequest& request) override {
    auto* const server = server_of(request);
    return server ? server->home(connection, request) : nullptr;
  }
  std::optional<wire::HttpResponse> refuse(const wire::HttpRequest& request) override {
    if (auto* const server = server_of(request)) return server->refuse(request);
    if (request.path == "/echo" && request.wants_websocket_upgrade) return std::nullopt;
    return wire::HttpResponse{.status = 404, .body = "try /echo, /engine.io/ or /socket.io/\n"};
  }
  std::uint64_t body_limit(const transport::Connection&, const wire::HttpRequest&) override {
    return options_.engine.max_payload;
  }
  Admission visit(transport::Connection& connection, const wire::HttpRequest& request) override {
    return server_of(request)->visit(connection, request);
  }
  void handle(transport::Connection&, const wire::HttpRequest&, std::string, Answer answer) override {
    answer({.status = 404});
  }
  std::variant<Upgrade, wire::HttpResponse> upgrade(transport::Connection& connection,
                                                    const wire::HttpRequest& request) override {
    if (auto* const server = server_of(request)) return server->upgrade(connection, request);
    constexpr std::size_t kLargest = 16 * 1024 * 1024;
    return transport::open_websocket(connection, request, {.max_message = options_.max_payload.value_or(kLargest)},
                                     std::make_unique<RawEcho>(), &raw_);
  }

 private:
  transport::EngineServer* server_of(const wire::HttpRequest& request) {
    if (request.path == "/engine.io/") return &engine_;
    return request.path == "/socket.io/" ? &socket_ : nullptr;
  }

  static constexpr std::size_t kSessions = 10000;  // of one address: it has one client

  const Options& options_;
  transport::Compression raw_;
  transport::Compression shared_;  // as the daemon has it, by default
  transport::EngineServer engine_;
  transport::EngineServer socket_;
};

std::size_t number(std::string_view name, std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0)
    throw std::invalid_argument(std::string(name) + ": expected a number above 0, got \"" + std::string(text) + '"');
  return value;
}

Options read(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--deflate") {
      options.deflate = true;
      continue;
    }
    if (i + 1 == count) throw std::invalid_argument(std::string(name) + ": is no option, or has no value");
    const std::string_view value = arguments[++i];
    const auto ms = [&] { return std::chrono::milliseconds(number(name, value)); };
    if (name == "--listen") {
      const auto endpoint = config::parse_endpoint(value);
      if (!endpoint) throw std::invalid_argument("--listen: expected ADDRESS:PORT, got \"" + std::string(value) + '"');
      options.listen = *endpoint;
    } else if (name == "--ping-interval") {
      options.engine.ping_interval = ms();
    } else if (name == "--ping-timeout") {
      options.engine.ping_timeout = ms();
    } else if (name == "--connect-timeout") {
      options.engine.connect_timeout = ms();
    } else if (name == "--upgrade-timeout") {
      options.engine.upgrade_timeout = ms();
    } else if (name == "--max-payload") {
      options.max_payload = options.engine.max_payload = number(name, value);
    } else if (name == "--reactors") {
      options.reactors = static_cast<unsigned>(number(name, value));
    } else {
      throw std::invalid_argument(std::string(name) + ": there is no such option");
    }
  }
  return options;
}

int serve(const Options& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  // Suites send as fast as they can, and read late: nothing here but the protocols bounds them.
  const config::Limits limits{
      .outbox_bytes = 256 * 1024 * 1024, .messages_per_second = 1'000'000, .messages_burst = 1'000'000'000};
  observe::Log log;
  observe::Metrics metrics;
  observe::Ids ids;
  transport::TransportMetrics transport_metrics(metrics);
  reactor::Reactors reactors(options.reactors);
  EchoSite site(options, metrics);
  std::vector<std::unique_ptr<transport::Connections>> homes;
  std::vector<transport::Connections*> all;
  for (std::size_t i = 0; i < reactors.size(); ++i) {
    homes.push_back(std::make_unique<transport::Connections>(reactors[i], limits, log, transport_metrics));
    all.push_back(homes.back().get());
  }
  transport::Listener listener(options.listen, all, site, ids, log, transport_metrics, limits.connections);
  listener.start(reactors[0]);
  reactors.start();
  std::printf("pillard-echo on %s\n", listener.endpoint().text().c_str());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  reactors.stop();
  reactors.drain();
  listener.stop();
  homes.clear();
  site.stop();
  reactors.drain();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace pillard

int main(int count, char** arguments) {
  try {
    return pillard::serve(pillard::read(count, arguments));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pillard-echo: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
