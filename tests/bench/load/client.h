#pragma once
// One connection: TCP, the upgrade, WebSocket frames and as much of Engine.IO and Socket.IO as keeps it alive. It never
// blocks; whoever owns it waits for its socket.
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "address.h"
#include "descriptor.h"
#include "load/frame.h"
#include "load/options.h"

namespace pillard::bench {

class Client;

/// The connection ended, by the server or by the network, or could not be made.
struct Lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Told from within finish_write() and take(); may send, must not destroy the client.
class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;
  /// The client has come to a further phase, kOpen or later.
  virtual void reached(Client& client) = 0;
  /// A whole message. A text that brings a phase comes behind reached().
  virtual void message(Client& client, std::string_view payload) = 0;
};

/// Every function may throw Lost, and std::runtime_error for a server that breaks the protocol; the client is of no
/// further use then. Their words say which connection, how far it had come, and what happened.
class Client {
 public:
  /// Opens the socket, with its source address. `number` counts from 0. The server's address and the options must
  /// outlive the client.
  Client(std::uint32_t number, const Options& options, const Address& server);

  void connect();
  /// The socket is writable.
  void finish_write(Listener& listener);
  /// What has arrived, in `scratch`; empty if nothing has.
  std::string_view read(std::span<char> scratch);
  /// Takes what read() gave.
  void take(std::string_view bytes, Listener& listener);
  /// As one frame; what the socket does not take waits for finish_write().
  void send_text(std::string_view text) { send(Opcode::kText, text); }
  void close() noexcept { socket_.reset(); }

  /// Call finish_write() when the socket is writable.
  bool wants_write() const noexcept { return phase_ == Phase::kConnecting || !unsent_.empty(); }
  bool ready() const noexcept { return phase_ >= options_->await; }
  bool open() const noexcept { return static_cast<bool>(socket_); }
  Phase phase() const noexcept { return phase_; }
  std::uint32_t number() const noexcept { return number_; }
  int fd() const noexcept { return socket_.get(); }
  /// "connection 17 to 127.0.0.1:80, upgrading".
  std::string where() const;

 private:
  std::string request() const;
  std::string_view take_head(std::string_view bytes, Listener& listener);
  std::string_view take_rest(std::string_view bytes, Listener& listener);
  void take_frame(const Frame& frame, Listener& listener);
  void follow_protocol(std::string_view text, Listener& listener);
  void reach(Phase phase, Listener& listener);
  void send(Opcode opcode, std::string_view payload);
  void flush();
  [[noreturn]] void lose(std::string_view why) const;

  const Options* options_;
  const Address* server_;
  Descriptor socket_;
  std::uint32_t number_;
  Phase phase_ = Phase::kNone;
  std::string rest_;    // the start of what a read cut off: of the head, later of a frame
  std::string unsent_;  //
};

}  // namespace pillard::bench
