#pragma once
// One libssh2 session over one socket, safe to multiplex.
#include <libssh2.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pillard/problem.h"
#include "session/secret.h"
#include "ssh/metrics.h"
#include "ssh/options.h"
#include "ssh/socket.h"

namespace pillard::ssh {

/// libssh2 never touches the socket itself: it hands over whole packets, which are queued and written by flush(), and
/// what it reads is counted and rationed. So one channel's part-written packet never blocks another channel, and the
/// loop knows when all that has arrived was seen. An end or error of the socket is seen by ended() only; libssh2 goes
/// on to find "nothing yet", so that what arrived before can still be read.
///
/// Used by one thread at a time; it may be handed from one to another between calls.
class Transport {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    std::size_t memory;                        // bytes that libssh2 may hold; beyond, the session fails
    std::size_t queue_mark = 256 * 1024;       // congested() above
    std::size_t queue_most = 4 * 1024 * 1024;  // of unwritten bytes; beyond, the session ends
  };
  Transport(Fd fd, std::string where, Limits limits, std::shared_ptr<SshMetrics> metrics);
  Transport(const Transport&) = delete;
  /// Never waits: what the node was not told by then it learns from the end of the connection.
  ~Transport();

  int fd() const noexcept { return fd_.get(); }
  const std::string& where() const noexcept { return where_; }
  LIBSSH2_SESSION* session() noexcept { return session_; }

  /// Before the handshake: the types of host key to ask for, most wanted first, parted by commas. Those that libssh2
  /// does not know are left out; false if none is left. An empty list leaves the choice to libssh2.
  bool prefer_host_keys(std::string_view types);
  /// libssh2_session_handshake(), to be repeated while it returns LIBSSH2_ERROR_EAGAIN.
  int handshake();
  /// Whether what answered so far said "SSH-".
  bool speaks_ssh() noexcept;

  /// Until the next call libssh2 gets at most `bytes` from the socket, and none after `until`.
  void allow(std::size_t bytes, Time until = Time::max()) noexcept {
    allowed_ = bytes;
    allowed_until_ = until;
  }
  /// Bytes that libssh2 got since the beginning.
  std::uint64_t received() const noexcept { return received_; }

  /// Writes what is queued, as far as the socket takes it.
  void flush();
  bool writes_wait() const noexcept { return written_ < queue_.size(); }
  /// So much is queued that nothing new should be begun.
  bool congested() const noexcept { return queue_.size() - written_ > limits_.queue_mark; }

  /// No more will come or go.
  bool ended() const noexcept { return ended_; }
  /// Why, for a person; also after a libssh2 call failed with `result`.
  Error failure(int result = 0);

  /// Lets the password be given once to what keyboard-interactive asks without echo. Only during that call.
  void answer_with(const session::Secret* password) noexcept { password_ = password; }
  bool answered() const noexcept { return answered_; }

  /// Memory of this session, which libssh2 may be given to free; null if it holds too much already.
  void* allocate(std::size_t size) noexcept {
    void* self = this;
    return on_alloc(size, &self);
  }

  /// What the node said in its SSH_MSG_DISCONNECT, printable, 200 bytes at most.
  const std::string& farewell() const noexcept { return farewell_; }

  /// Tells the node that this is the end, if that can be done at once.
  void say_goodbye();

 private:
  struct Block;
  static ssize_t on_send(libssh2_socket_t, const void* data, std::size_t size, int flags, void** self);
  static ssize_t on_receive(libssh2_socket_t, void* data, std::size_t size, int flags, void** self);
  static void on_disconnect(LIBSSH2_SESSION*, int reason, const char* message, int message_size, const char* language,
                            int language_size, void** self);
  static void* on_alloc(std::size_t size, void** self);
  static void* on_realloc(void* old, std::size_t size, void** self);
  static void on_free(void* memory, void** self);

 public:
  /// For libssh2_userauth_keyboard_interactive_ex().
  static void on_prompts(const char* name, int name_size, const char* instruction, int instruction_size, int count,
                         const LIBSSH2_USERAUTH_KBDINT_PROMPT* prompts, LIBSSH2_USERAUTH_KBDINT_RESPONSE* responses,
                         void** self);

 private:
  void end(int error) noexcept;
  std::string offered(int method);
  std::string known_of(int method, std::string_view wanted);

  const std::string where_;
  const Limits limits_;
  const std::shared_ptr<SshMetrics> metrics_;
  Fd fd_;
  LIBSSH2_SESSION* session_ = nullptr;
  std::string exchanges_;  // the methods of key exchange that are offered, parted by commas; never all of libssh2's
  std::string queue_;
  std::size_t written_ = 0;  // of queue_
  std::size_t allowed_ = 0;
  Time allowed_until_ = Time::max();
  Block* blocks_ = nullptr;  // all that libssh2 holds
  std::size_t memory_ = 0;   // their bytes
  std::uint64_t received_ = 0;
  int error_ = 0;  // errno of the end; 0: the node closed
  bool ended_ = false;
  bool cut_ = false;  // libssh2 gets errors from now on, so that its state machines clean up
  bool memory_denied_ = false;
  bool shaking_hands_ = false;
  bool shook_hands_ = false;
  bool answered_ = false;
  const session::Secret* password_ = nullptr;
  std::string farewell_;
};

}  // namespace pillard::ssh
