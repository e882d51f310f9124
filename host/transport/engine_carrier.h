#pragma once
// An Engine.IO session's WebSocket: from the first, or taking over from polling.
#include <string_view>

#include "transport/engine.h"

namespace pillard::transport {

/// [lane] Either it or the session may go first.
class EngineCarrier final : public WsHandler {
 public:
  enum class Stage {
    kFirst,    // the session begins with it
    kOffered,  // beside polling: waits for 2probe
    kProbed,   // waits for 5
    kActive,
    kIdle,  // of no session: only closes
  };
  /// `session` null: one that is closed at once.
  EngineCarrier(EngineSession* session, Stage stage);
  ~EngineCarrier() override;

  void opened(WebSocket& socket) override;
  void text(std::string_view message) override;
  void binary(std::string_view message) override;

  WebSocket& socket() noexcept { return *socket_; }
  bool stands() const noexcept { return socket_ != nullptr; }
  /// The session wants this socket no more: closes it.
  void leave(std::uint16_t code);
  /// The session is gone.
  void part() noexcept { session_ = nullptr; }

 private:
  void upgrade(std::string_view message);

  EngineSession* session_;
  WebSocket* socket_ = nullptr;
  Stage stage_;
};

}  // namespace pillard::transport
