#include "ssh/transport.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace pillard::ssh {

namespace {

/// Keys are exchanged on the reactor, and again whenever the node asks: only by what takes a few milliseconds. In a
/// "group exchange" the node chooses the group, and half a second of work with it.
constexpr std::string_view kExchanges =
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group14-sha256";

Transport& of(void** self) { return *static_cast<Transport*>(*self); }

/// libssh2 wants its own initialisation once, before threads use it.
void init_library() {
  static const int kResult = libssh2_init(0);
  if (kResult != 0) throw std::runtime_error("libssh2 cannot be initialised");
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 200)) result += c >= ' ' && c <= '~' ? c : ' ';
  return result;
}

/// "a,b" as "a, b"
std::string spaced(std::string_view list) {
  std::string result;
  for (const char c : list) result += c == ',' ? ", " : std::string(1, c);
  return result;
}

}  // namespace

/// Before each block that libssh2 holds: 1.10 forgets some (67 bytes with each key re-exchange), so that all go with
/// the session.
struct alignas(std::max_align_t) Transport::Block {
  std::size_t size;
  Block* previous;
  Block* next;
  char* memory() { return reinterpret_cast<char*>(this + 1); }
  static Block& of(void* memory) { return static_cast<Block*>(memory)[-1]; }
};

Transport::Transport(Fd fd, std::string where, Limits limits, std::shared_ptr<SshMetrics> metrics)
    : where_(std::move(where)), limits_(limits), metrics_(std::move(metrics)), fd_(std::move(fd)) {
  init_library();
  session_ = libssh2_session_init_ex(on_alloc, on_free, on_realloc, this);
  if (session_ == nullptr) throw std::bad_alloc();
  libssh2_session_set_blocking(session_, 0);
  // The function pointers travel as void*: that is the library's interface.
  libssh2_session_callback_set(session_, LIBSSH2_CALLBACK_SEND, reinterpret_cast<void*>(&on_send));
  libssh2_session_callback_set(session_, LIBSSH2_CALLBACK_RECV, reinterpret_cast<void*>(&on_receive));
  libssh2_session_callback_set(session_, LIBSSH2_CALLBACK_DISCONNECT, reinterpret_cast<void*>(&on_disconnect));
  exchanges_ = known_of(LIBSSH2_METHOD_KEX, kExchanges);
  if (libssh2_session_method_pref(session_, LIBSSH2_METHOD_KEX, exchanges_.c_str()) != 0) exchanges_.clear();
}

Transport::~Transport() {
  cut_ = true;
  // A state machine that was left in the middle holds memory that only it can free: let it fail.
  if (shaking_hands_ && !shook_hands_) libssh2_session_handshake(session_, fd_.get());
  if (shook_hands_) libssh2_session_disconnect_ex(session_, SSH_DISCONNECT_BY_APPLICATION, "", "");
  libssh2_session_free(session_);
  void* self = this;
  while (blocks_ != nullptr) on_free(blocks_->memory(), &self);
}

bool Transport::prefer_host_keys(std::string_view types) {
  if (types.empty()) return true;
  const auto wanted = known_of(LIBSSH2_METHOD_HOSTKEY, types);
  return !wanted.empty() && libssh2_session_method_pref(session_, LIBSSH2_METHOD_HOSTKEY, wanted.c_str()) == 0;
}

int Transport::handshake() {
  if (exchanges_.empty()) return LIBSSH2_ERROR_METHOD_NONE;  // its own choice is not to be had
  shaking_hands_ = true;
  const int result = libssh2_session_handshake(session_, fd_.get());
  if (result != LIBSSH2_ERROR_EAGAIN) shaking_hands_ = false;
  if (result == 0) shook_hands_ = true;
  return result;
}

bool Transport::speaks_ssh() noexcept {
  const char* banner = libssh2_session_banner_get(session_);
  return banner != nullptr && std::strncmp(banner, "SSH-", 4) == 0;
}

void Transport::end(int error) noexcept {
  if (ended_) return;
  ended_ = true;
  error_ = error;
}

void Transport::flush() {
  while (written_ < queue_.size() && !ended_) {
    const auto sent = send(fd_.get(), queue_.data() + written_, queue_.size() - written_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      // What the node said last may still be unread: the end of the reading side tells.
      if (errno != EAGAIN && errno != EWOULDBLOCK) end(errno);
      break;
    }
    written_ += static_cast<std::size_t>(sent);
    metrics_->bytes_out.add(static_cast<std::uint64_t>(sent));
  }
  if (written_ == queue_.size()) {
    queue_.clear();
    written_ = 0;
  } else if (written_ > limits_.queue_mark) {
    queue_.erase(0, written_);
    written_ = 0;
  }
}

void Transport::say_goodbye() {
  if (!shook_hands_ || ended_) return;
  allowed_ = 0;
  libssh2_session_disconnect_ex(session_, SSH_DISCONNECT_BY_APPLICATION, "no longer needed", "");
  flush();
}

ssize_t Transport::on_send(libssh2_socket_t, const void* data, std::size_t size, int, void** self) {
  auto& transport = of(self);
  if (transport.cut_) return -EPIPE;
  if (transport.queue_.size() - transport.written_ + size > transport.limits_.queue_most) transport.end(ENOBUFS);
  if (!transport.ended_) transport.queue_.append(static_cast<const char*>(data), size);
  return static_cast<ssize_t>(size);
}

ssize_t Transport::on_receive(libssh2_socket_t socket, void* data, std::size_t size, int, void** self) {
  auto& transport = of(self);
  if (transport.cut_) return -ECONNRESET;
  if (transport.ended_ || transport.allowed_ == 0) return -EAGAIN;
  if (transport.allowed_until_ != Time::max() && std::chrono::steady_clock::now() >= transport.allowed_until_)
    return -EAGAIN;
  const auto got = recv(socket, data, std::min(size, transport.allowed_), 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) transport.end(errno);
    return -EAGAIN;
  }
  if (got == 0) {
    transport.end(0);
    return -EAGAIN;
  }
  transport.allowed_ -= static_cast<std::size_t>(got);
  transport.received_ += static_cast<std::uint64_t>(got);
  transport.metrics_->bytes_in.add(static_cast<std::uint64_t>(got));
  return got;
}

void Transport::on_disconnect(LIBSSH2_SESSION*, int, const char* message, int message_size, const char*, int,
                              void** self) {
  auto& transport = of(self);
  if (message != nullptr && message_size > 0)
    transport.farewell_ = printable({message, static_cast<std::size_t>(message_size)});
  transport.end(0);
}

void Transport::on_prompts(const char*, int, const char*, int, int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT* prompts,
                           LIBSSH2_USERAUTH_KBDINT_RESPONSE* responses, void** self) {
  auto& transport = of(self);
  for (int i = 0; i < count; ++i) {
    responses[i].text = nullptr;
    responses[i].length = 0;
    if (prompts[i].echo != 0 || transport.password_ == nullptr) continue;
    // Asked again, the node did not like the password: it is not given twice.
    if (transport.answered_) {
      transport.cut_ = true;
      continue;
    }
    const auto password = transport.password_->reveal();
    auto* text = static_cast<char*>(on_alloc(password.size() + 1, self));
    if (text == nullptr) continue;
    std::memcpy(text, password.data(), password.size());
    responses[i].text = text;
    responses[i].length = static_cast<unsigned>(password.size());
  }
  if (count > 0) transport.answered_ = true;
}

void* Transport::on_alloc(std::size_t size, void** self) {
  auto& transport = of(self);
  if (transport.memory_ + size > transport.limits_.memory) {
    transport.memory_denied_ = true;
    return nullptr;
  }
  auto* space = std::malloc(size + sizeof(Block));
  if (space == nullptr) return nullptr;
  auto* block = ::new (space) Block{size, nullptr, transport.blocks_};
  if (block->next != nullptr) block->next->previous = block;
  transport.blocks_ = block;
  transport.memory_ += size;
  return block->memory();
}

void Transport::on_free(void* memory, void** self) {
  if (memory == nullptr) return;
  auto& transport = of(self);
  auto& block = Block::of(memory);
  if (block.next != nullptr) block.next->previous = block.previous;
  (block.previous != nullptr ? block.previous->next : transport.blocks_) = block.next;
  transport.memory_ -= block.size;
  // Passwords pass through these blocks.
  explicit_bzero(memory, block.size);
  std::free(&block);
}

void* Transport::on_realloc(void* old, std::size_t size, void** self) {
  auto* fresh = on_alloc(size, self);
  if (fresh == nullptr || old == nullptr) return fresh;
  std::memcpy(fresh, old, std::min(size, Block::of(old).size));
  on_free(old, self);
  return fresh;
}

std::string Transport::offered(int method) {
  const char** names = nullptr;
  const int count = libssh2_session_supported_algs(session_, method, &names);
  std::string result;
  for (int i = 0; i < count; ++i) result += (i == 0 ? "" : ", ") + std::string(names[i]);
  if (count > 0) libssh2_free(session_, names);
  return result;
}

/// What libssh2 knows of `wanted`: its own filter of unknown names copies within a buffer in a way that C does not
/// define.
std::string Transport::known_of(int method, std::string_view wanted) {
  const auto known = ", " + offered(method) + ", ";
  std::string result;
  for (std::size_t at = 0; at < wanted.size();) {
    const auto end = std::min(wanted.find(',', at), wanted.size());
    const std::string name(wanted.substr(at, end - at));
    if (known.find(", " + name + ",") != std::string::npos) result += (result.empty() ? "" : ",") + name;
    at = end + 1;
  }
  return result;
}

Error Transport::failure(int result) {
  if (memory_denied_) return {Code::kOverloaded, where_ + " sent more in small pieces than is kept for a connection."};
  if (!shook_hands_ && (result == LIBSSH2_ERROR_KEX_FAILURE || result == LIBSSH2_ERROR_METHOD_NONE))
    return {Code::kUnsupported,
            "The SSH server at " + where_ + " shares no algorithms with this daemon, which offers: " +
                spaced(exchanges_) + "; host keys " + offered(LIBSSH2_METHOD_HOSTKEY) + "; ciphers " +
                offered(LIBSSH2_METHOD_CRYPT_CS) + "; MACs " + offered(LIBSSH2_METHOD_MAC_CS) + "."};
  if (!farewell_.empty()) return {Code::kDisconnected, where_ + " closed the connection: " + farewell_};
  if (ended_ && error_ != 0) return socket_error(error_, where_);
  // Passing: while a node is away a gateway may answer in its place.
  if (!shook_hands_ && received_ > 0 && !speaks_ssh())
    return {Code::kDisconnected, "What answers at " + where_ + " is not an SSH server. Check host and port."};
  if (ended_ && received_ == 0)
    return {Code::kDisconnected, where_ +
                                     " closed the connection before it said anything: its sshd may be limiting "
                                     "logins, or it refuses this daemon's address."};
  if (ended_) return {Code::kDisconnected, where_ + " closed the connection."};
  return {Code::kDisconnected, "The SSH connection to " + where_ + " broke (error " + std::to_string(result) + ")."};
}

}  // namespace pillard::ssh
