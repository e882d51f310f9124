#include "load/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pillard::bench {
namespace {

// The example of RFC 6455, section 1.3: a server proves with it just as well that it has understood.
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr std::size_t kLongestHead = 16 * 1024;  // bytes
constexpr std::size_t kKeptRest = 4096;          // bytes: a larger buffer is given back when its frame is done

std::string_view name(Phase phase) {
  switch (phase) {
    case Phase::kNone:
    case Phase::kConnecting: return "connecting";
    case Phase::kUpgrading: return "upgrading";
    case Phase::kOpen: return "open";
    case Phase::kConnected: return "connected";
    case Phase::kAuthenticated: return "authenticated";
  }
  return "?";
}

}  // namespace

Client::Client(std::uint32_t number, const Options& options, const Address& server)
    : options_(&options), server_(&server), socket_(open_socket(server)), number_(number) {
  if (!server.loopback4()) return;
  const int on = 1;  // the port is chosen by connect(), so that it need only be unique for source and server together
  check(::setsockopt(fd(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)), "IP_BIND_ADDRESS_NO_PORT");
  const auto source = loopback_source(number % options.sources);
  check(::bind(fd(), source.get(), source.size), "binding a source address");
}

std::string Client::where() const {
  return fmt::format("connection {} to {}, {}", number_, options_->connect, name(phase_));
}

void Client::lose(std::string_view why) const { throw Lost(fmt::format("{}: {}", where(), why)); }

void Client::connect() {
  phase_ = Phase::kConnecting;
  if (::connect(fd(), server_->get(), server_->size) < 0 && errno != EINPROGRESS) lose(std::strerror(errno));
}

void Client::finish_write(Listener& listener) {
  if (phase_ == Phase::kConnecting) {
    int error = 0;
    socklen_t size = sizeof(error);
    check(::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size), "SO_ERROR");
    if (error != 0) lose(std::strerror(error));
    reach(Phase::kUpgrading, listener);
    unsent_ = request();
  }
  flush();
}

std::string Client::request() const {
  std::string text = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {}\r\n"
      "Sec-WebSocket-Version: 13\r\n",
      options_->path, options_->connect, kKey);
  if (!options_->origin.empty()) text += fmt::format("Origin: {}\r\n", options_->origin);
  if (const auto& tokens = options_->tokens; !tokens.empty())
    text += fmt::format("Cookie: ssh_session={}\r\n", tokens[number_ % tokens.size()]);
  return text + "\r\n";
}

std::string_view Client::read(std::span<char> scratch) {
  const auto got = ::recv(fd(), scratch.data(), scratch.size(), 0);
  if (got == 0) lose("the server closed it");
  if (got > 0) return {scratch.data(), static_cast<std::size_t>(got)};
  if (errno != EAGAIN && errno != EINTR) lose(std::strerror(errno));
  return {};
}

void Client::take(std::string_view bytes, Listener& listener) {
  if (phase_ == Phase::kUpgrading) bytes = take_head(bytes, listener);
  while (!rest_.empty() && !bytes.empty()) bytes = take_rest(bytes, listener);
  while (!bytes.empty()) {
    const auto frame = read_frame(bytes);
    if (bytes.size() < frame.needed) {
      rest_.assign(bytes);
      return;
    }
    take_frame(frame, listener);
    bytes.remove_prefix(frame.needed);
  }
}

/// Gives what follows the head.
std::string_view Client::take_head(std::string_view bytes, Listener& listener) {
  rest_.append(bytes);
  const auto end = rest_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (rest_.size() > kLongestHead) throw std::runtime_error(where() + ": the answer's head does not end");
    return {};
  }
  const auto behind = rest_.size() - (end + 4);
  const auto head = rest_.substr(0, end);
  rest_ = std::string();
  if (!head.starts_with("HTTP/1.1 101 "))
    throw std::runtime_error(fmt::format("{}: expected 101, got {}", where(), head.substr(0, head.find("\r\n"))));
  if (head.find(kAccept) == std::string::npos)
    throw std::runtime_error(where() + ": the answer has a wrong Sec-WebSocket-Accept");
  reach(Phase::kOpen, listener);
  return bytes.substr(bytes.size() - behind);
}

/// Completes the frame that the last read cut off, as far as it goes. Gives what follows.
std::string_view Client::take_rest(std::string_view bytes, Listener& listener) {
  const auto take = std::min(read_frame(rest_).needed - rest_.size(), bytes.size());
  rest_.append(bytes.substr(0, take));
  if (const auto frame = read_frame(rest_); rest_.size() >= frame.needed) {
    take_frame(frame, listener);
    if (rest_.capacity() > kKeptRest) rest_ = std::string();
    rest_.clear();
  }
  return bytes.substr(take);
}

void Client::take_frame(const Frame& frame, Listener& listener) {
  switch (frame.opcode) {
    case Opcode::kText:
      if (options_->socketio) follow_protocol(frame.payload, listener);
      return listener.message(*this, frame.payload);
    case Opcode::kPing: return send(Opcode::kPong, frame.payload);
    case Opcode::kClose: {
      const auto& payload = frame.payload;
      if (payload.size() < 2) lose("the server sent a close frame");
      const int code = static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
      lose(fmt::format("the server sent a close frame, {} {}", code, payload.substr(2)));
    }
    case Opcode::kBinary: return listener.message(*this, frame.payload);
    case Opcode::kPong:
    case Opcode::kContinuation: return;
  }
}

void Client::follow_protocol(std::string_view text, Listener& listener) {
  if (text.starts_with("42")) {
    if (phase_ != Phase::kConnected) return;
    if (text.starts_with(R"(42["authenticated")")) return reach(Phase::kAuthenticated, listener);
    if (!ready() && text.starts_with(R"(42["error")")) lose(text);
  } else if (text == "2") {
    send_text("3");
  } else if (text.starts_with("0{")) {
    send_text("40");
  } else if (text.starts_with("40")) {
    reach(Phase::kConnected, listener);
  } else if (text.starts_with("41") || text.starts_with("44") || text == "1") {
    lose(fmt::format("the server answered {}", text));
  }
}

void Client::reach(Phase phase, Listener& listener) {
  phase_ = phase;
  if (phase >= Phase::kOpen) listener.reached(*this);
}

void Client::send(Opcode opcode, std::string_view payload) {
  append_frame(unsent_, opcode, payload);
  flush();
}

void Client::flush() {
  while (!unsent_.empty()) {
    const auto sent = ::send(fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return;
      lose(std::strerror(errno));
    }
    unsent_.erase(0, static_cast<std::size_t>(sent));
  }
  unsent_ = std::string();
}

}  // namespace pillard::bench
