#pragma once
// Socket.IO v5 inside an Engine.IO session: namespaces, events, acknowledgements, binary attachments.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/engine.h"
#include "wire/socket_io.h"

namespace pillard::transport {

class Namespace;
class SocketIo;

/// An event of the client's. Lives during the call.
struct SocketEvent {
  std::string_view name;
  const std::vector<std::string_view>& arguments;  // JSON; placeholders stand for attachments
  const std::vector<std::string>& attachments;
  std::optional<std::uint64_t> id;  // wants an acknowledgement
};

/// What is spoken inside one namespace. [lane]
class NamespaceHandler {
 public:
  virtual ~NamespaceHandler() = default;
  /// The client wants to come in: `auth` is the JSON object that it brought, or empty. Namespace::accept() or refuse()
  /// follows once, from inside or later.
  virtual void open(std::string_view auth) = 0;
  /// After it was accepted.
  virtual void event(const SocketEvent& event) = 0;
  /// The client answered a heartbeat.
  virtual void heartbeat() {}
  /// The session's encoder() has changed.
  virtual void carried() {}
};

/// One namespace that a client has joined or wants to join. [lane] None of the calls destroys the handler from inside.
class Namespace {
 public:
  Namespace(SocketIo& home, std::string name) : home_(home), name_(std::move(name)) {}

  /// Answers CONNECT. What is sent from here on follows it.
  void accept();
  void refuse(std::string_view message);
  bool joined() const noexcept { return joined_; }
  const std::string& name() const noexcept { return name_; }
  EngineSession& session() noexcept;

  /// `arguments_json`: any number of values, comma-separated. With attachments: placeholders stand for them.
  void emit(std::string_view event, std::string_view arguments_json, const std::vector<std::string>& attachments = {});
  void acknowledge(std::uint64_t id, std::string_view items_json, const std::vector<std::string>& attachments = {});
  /// Puts the client out; with no namespace left the session ends.
  void leave();

 private:
  friend class SocketIo;
  SocketIo& home_;
  const std::string name_;
  bool joined_ = false;
  std::unique_ptr<NamespaceHandler> handler_;
};

/// Which namespaces there are. [lane]
class NamespaceMaker {
 public:
  virtual ~NamespaceMaker() = default;
  /// Null: there is none of this name.
  virtual std::unique_ptr<NamespaceHandler> make(Namespace& joining) = 0;
};

/// [lane]
class SocketIo final : public EngineHandler {
 public:
  static constexpr std::size_t kMaxNamespaces = 64;  // joined by one client

  explicit SocketIo(std::unique_ptr<NamespaceMaker> maker) : maker_(std::move(maker)) {}
  ~SocketIo() override;

  void opened(EngineSession& session) override;
  void message(std::string_view data) override;
  void binary(std::string_view data) override;
  void heartbeat() override;
  void carried() override;

 private:
  friend class Namespace;
  /// A binary packet whose attachments have not all come.
  struct Assembly {
    std::string text;
    std::vector<std::string> attachments;
    std::size_t missing = 0;
    std::size_t bytes = 0;
  };

  void take(const wire::socket_io::Packet& packet, const std::vector<std::string>& attachments);
  void connect(const wire::socket_io::Packet& packet);
  Namespace* find(std::string_view name);
  void remove(Namespace& left);
  void await_connect();
  void send(std::string_view packet, const std::vector<std::string>& attachments);

  std::unique_ptr<NamespaceMaker> maker_;
  EngineSession* engine_ = nullptr;
  std::vector<std::unique_ptr<Namespace>> namespaces_;
  std::vector<std::unique_ptr<Namespace>> left_;  // their handlers may be at work
  reactor::Timer sweep_;                          // of those
  std::unique_ptr<Assembly> assembly_;
  reactor::Timer connect_deadline_;
};

}  // namespace pillard::transport
