#pragma once
// Engine.IO's end of HTTP: which requests open a session, belong to one, or are refused, and with which words.
#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "transport/engine.h"
#include "transport/http.h"

namespace pillard::transport {

/// The sessions of one reactor. [lane]
class EngineTable {
 public:
  explicit EngineTable(const config::Engine& options) : options_(options) {}
  ~EngineTable();

  /// Where its clients' connections live; known from the first one on. [any]
  Connections* home() const noexcept { return home_.load(std::memory_order_acquire); }
  void settle(Connections& home) noexcept;
  reactor::Reactor& reactor() noexcept { return *reactor_; }
  const config::Engine& options() const noexcept { return options_; }

  EngineSession& add(std::string sid, std::uint64_t number, std::unique_ptr<EngineHandler> handler);
  /// Null if there is none, or if it has missed its heartbeat.
  EngineSession* find(std::string_view sid);
  /// The session is unknown from here on, and goes in a later turn.
  void remove(EngineSession& session);
  /// Those that are polled: each takes room without a connection that would bound it.
  std::size_t polled = 0;

 private:
  const config::Engine& options_;
  std::atomic<Connections*> home_{nullptr};
  reactor::Reactor* reactor_ = nullptr;  // its
  std::unordered_map<std::string, std::unique_ptr<EngineSession>> sessions_;
};

/// [any] once made; its requests run on their connections' reactors.
class EngineServer {
 public:
  /// What is spoken in a new session. `number`: of the connection in the log.
  using Make = Function<std::unique_ptr<EngineHandler>(const wire::HttpRequest& request, std::uint64_t number)>;

  /// `options`, `compression` and what `make` uses outlive it. `reactors`: how many there are. `sessions_per_address`:
  /// most that are polled. `compression` null: none.
  EngineServer(const config::Engine& options, std::size_t reactors, std::size_t sessions_per_address, Make make,
               Compression* compression = nullptr);

  /// What can be told from the request alone. Empty: go on.
  std::optional<wire::HttpResponse> refuse(const wire::HttpRequest& request) const;
  /// As those of Site.
  Connections* home(const Connection& connection, const wire::HttpRequest& request);
  Site::Admission visit(Connection& connection, const wire::HttpRequest& request);
  std::variant<Site::Upgrade, wire::HttpResponse> upgrade(Connection& connection, const wire::HttpRequest& request);

  /// Ends all sessions. [main], after the reactors have been joined
  void stop() { tables_.clear(); }

  /// [any] The protocol's own verdicts: 0 Transport unknown, 1 Session ID unknown, 2 Bad handshake method,
  /// 3 Bad request, 4 Forbidden, 5 Unsupported protocol version. `words`: others than these.
  static wire::HttpResponse verdict(int code, bool upgrade, std::string_view words = {});

 private:
  class Handshake;
  EngineSession& open(const Connection& connection, const wire::HttpRequest& request);
  EngineTable& table(const Connection& connection) { return *tables_[connection.home().reactor().index()]; }

  const config::Engine& options_;
  Make make_;
  Compression* const compression_;
  AddressLimit polled_;                               // sessions: no connection stands for one
  std::vector<std::unique_ptr<EngineTable>> tables_;  // one a reactor
};

}  // namespace pillard::transport
