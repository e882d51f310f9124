#pragma once
// permessage-deflate as a site offers it: what is agreed with each client, and frames that are compressed once for all
// who agreed on the same.
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config.h"
#include "fanout/subscriber.h"
#include "observe/metrics.h"
#include "transport/connection.h"
#include "wire/ws_deflate.h"

namespace pillard::transport {

/// [any] Outlives the WebSockets that use it, and whatever uses one of its encoders.
class Compression {
 public:
  Compression(const config::WebSocket& options, observe::Metrics& metrics);
  ~Compression();
  Compression(const Compression&) = delete;

  /// What is agreed with a client. Empty: it is not compressed with this one, or with none; 400: the client's offer
  /// cannot be read.
  std::variant<std::optional<wire::WsDeflate>, wire::HttpError> negotiate(const wire::HttpRequest& request);

  /// Writes what `plain` does, compressed, for all clients with so many window bits that must be able to read each
  /// message without those before. The same for the same arguments, as long as this lives.
  const fanout::Encoder& encoder(const fanout::Encoder& plain, int window_bits);
  /// Appends a frame with one such message; as it is, if it is too short to be worth it.
  void append_frame(std::string& out, wire::WsOpcode opcode, std::string_view message, int window_bits);

  /// For one client that reads messages with those before: compresses frames in the order in which they leave.
  /// `ahead`: bytes before the first of them.
  std::unique_ptr<Filter> filter(Sink& socket, std::size_t ahead, int window_bits);

 private:
  class Shared;
  class InContext;
  class Borrowed;

  wire::WsDeflater::Options deflater_options(int window_bits, bool context_takeover) const;
  bool worth_it(wire::WsOpcode opcode, std::size_t size) const noexcept;
  void append(std::string& out, wire::WsOpcode opcode, std::string_view message, wire::WsDeflater& deflater);

  const config::WebSocket options_;
  observe::Counter& connections_;
  observe::Counter& messages_;
  observe::Counter& bytes_before_;
  observe::Counter& bytes_after_;
  std::mutex mutex_;  // of all below
  std::map<std::pair<const fanout::Encoder*, int>, std::unique_ptr<Shared>> encoders_;
  /// Idle ones, by window bits: at most one a thread.
  std::array<std::vector<std::unique_ptr<wire::WsDeflater>>, 16> deflaters_;
};

}  // namespace pillard::transport
