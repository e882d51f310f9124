#include "transport/compression.h"

namespace pillard::transport {

namespace {
constexpr std::size_t kKept = 64 * 1024;  // bytes of a buffer that is kept for the next frame
}

/// A deflater, taken for one frame or for several in a row.
class Compression::Borrowed {
 public:
  Borrowed(Compression& home, int window_bits)
      : home_(home), idle_(home.deflaters_[static_cast<std::size_t>(window_bits)]) {
    {
      const std::lock_guard lock(home_.mutex_);
      if (!idle_.empty()) {
        deflater_ = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!deflater_) deflater_ = std::make_unique<wire::WsDeflater>(home_.deflater_options(window_bits, false));
  }
  Borrowed(const Borrowed&) = delete;
  ~Borrowed() {
    const std::lock_guard lock(home_.mutex_);
    idle_.push_back(std::move(deflater_));
  }
  wire::WsDeflater& operator*() const noexcept { return *deflater_; }

 private:
  Compression& home_;
  std::vector<std::unique_ptr<wire::WsDeflater>>& idle_;
  std::unique_ptr<wire::WsDeflater> deflater_;
};

/// Asked on any lane, by several at once.
class Compression::Shared final : public fanout::Encoder {
 public:
  Shared(Compression& home, const fanout::Encoder& plain, int window_bits)
      : home_(home), plain_(plain), window_bits_(window_bits) {}
  void encode(std::string& out, const fanout::Label& label, std::string_view json,
              std::string_view cursor) const override {
    std::string plain;
    plain_.encode(plain, label, json, cursor);
    const auto frame = wire::read_own_ws_frame(plain);
    home_.append_frame(out, frame.opcode, frame.payload, window_bits_);
  }
  void encode_all(fanout::Batch& out, const fanout::Label& label,
                  std::span<const fanout::SharedEvent> events) const override {
    fanout::Batch plain;
    plain_.encode_all(plain, label, events);
    const Borrowed deflater(home_, window_bits_);
    out.ends.reserve(out.ends.size() + plain.ends.size());
    for (std::string_view left = plain.bytes; !left.empty();) {
      const auto frame = wire::read_own_ws_frame(left);
      home_.append(out.bytes, frame.opcode, frame.payload, *deflater);
      out.ends.push_back(static_cast<std::uint32_t>(out.bytes.size()));
      left.remove_prefix(frame.size);
    }
    out.events.insert(out.events.end(), plain.events.begin(), plain.events.end());
  }

 private:
  Compression& home_;
  const fanout::Encoder& plain_;
  const int window_bits_;
};

/// What it has compressed belongs to the context and has to leave, so it takes more only when that has left.
class Compression::InContext final : public Filter {
 public:
  InContext(Compression& home, Sink& socket, std::size_t ahead, int window_bits)
      : home_(home), socket_(socket), ahead_(ahead), window_bits_(window_bits) {}

  bool empty() const noexcept override { return sent_ == kept_.size(); }

  Result flush() override {
    while (!empty()) {
      iovec part{kept_.data() + sent_, kept_.size() - sent_};
      std::size_t written = 0;
      const auto result = socket_.write({&part, 1}, written);
      sent_ += written;
      if (result != Result::kOk) return result;
    }
    sent_ = 0;
    if (kept_.capacity() > kKept) std::string().swap(kept_);
    kept_.clear();
    return Result::kOk;
  }

  Result write(std::span<iovec> parts, std::size_t& written) override {
    written = 0;
    if (const auto result = flush(); result != Result::kOk) return result;
    for (const auto& part : parts) {
      std::string_view frames(static_cast<const char*>(part.iov_base), part.iov_len);
      while (!frames.empty() && kept_.size() < kFull) {
        const auto taken = ahead_ > 0 ? pass(frames) : take(frames);
        frames.remove_prefix(taken);
        written += taken;
      }
      if (!frames.empty()) break;
    }
    return flush();
  }

 private:
  static constexpr std::size_t kFull = 32 * 1024;

  std::size_t pass(std::string_view bytes) {
    bytes = bytes.substr(0, ahead_);
    kept_.append(bytes);
    ahead_ -= bytes.size();
    return bytes.size();
  }
  std::size_t take(std::string_view frames) {
    const auto frame = wire::read_own_ws_frame(frames);
    if (!home_.worth_it(frame.opcode, frame.payload.size())) {
      kept_.append(frames.substr(0, frame.size));
      return frame.size;
    }
    if (!deflater_) deflater_.emplace(home_.deflater_options(window_bits_, true));
    home_.append(kept_, frame.opcode, frame.payload, *deflater_);
    return frame.size;
  }

  Compression& home_;
  Sink& socket_;
  std::size_t ahead_;
  const int window_bits_;
  std::optional<wire::WsDeflater> deflater_;  // from the first message on that is worth it
  std::string kept_;
  std::size_t sent_ = 0;  // bytes of it
};

Compression::Compression(const config::WebSocket& options, observe::Metrics& metrics)
    : options_(options),
      connections_(metrics.counter("pillard_websocket_compressed_connections_total",
                                   "WebSockets that were opened with compression.")),
      messages_(metrics.counter("pillard_websocket_compressed_messages_total",
                                "Messages compressed for clients, each once however many get it.")),
      bytes_before_(metrics.counter("pillard_websocket_compressed_input_bytes_total",
                                    "Bytes of these messages before they were compressed.")),
      bytes_after_(
          metrics.counter("pillard_websocket_compressed_output_bytes_total", "Bytes of these messages afterwards.")) {}
Compression::~Compression() = default;

std::variant<std::optional<wire::WsDeflate>, wire::HttpError> Compression::negotiate(const wire::HttpRequest& request) {
  auto outcome = wire::negotiate_ws_deflate(
      request, {.context_takeover = options_.deflate_context_takeover, .window_bits = options_.deflate_window_bits});
  auto* const agreed = std::get_if<std::optional<wire::WsDeflate>>(&outcome);
  if (agreed && !options_.deflate) agreed->reset();
  if (agreed && *agreed) connections_.add();
  return outcome;
}

wire::WsDeflater::Options Compression::deflater_options(int window_bits, bool context_takeover) const {
  return {.level = options_.deflate_level, .window_bits = window_bits, .context_takeover = context_takeover};
}

bool Compression::worth_it(wire::WsOpcode opcode, std::size_t size) const noexcept {
  return size >= options_.deflate_min_bytes && (opcode == wire::WsOpcode::kText || opcode == wire::WsOpcode::kBinary);
}

void Compression::append(std::string& out, wire::WsOpcode opcode, std::string_view message,
                         wire::WsDeflater& deflater) {
  if (!worth_it(opcode, message.size())) return wire::append_ws_frame(out, opcode, message);
  const auto start = out.size();
  deflater.append_frame(out, opcode, message);
  messages_.add();
  bytes_before_.add(message.size());
  bytes_after_.add(wire::read_own_ws_frame(std::string_view(out).substr(start)).payload.size());
}

const fanout::Encoder& Compression::encoder(const fanout::Encoder& plain, int window_bits) {
  const std::lock_guard lock(mutex_);
  auto& encoder = encoders_[{&plain, window_bits}];
  if (!encoder) encoder = std::make_unique<Shared>(*this, plain, window_bits);
  return *encoder;
}

void Compression::append_frame(std::string& out, wire::WsOpcode opcode, std::string_view message, int window_bits) {
  if (!worth_it(opcode, message.size())) return wire::append_ws_frame(out, opcode, message);
  append(out, opcode, message, *Borrowed(*this, window_bits));
}

std::unique_ptr<Filter> Compression::filter(Sink& socket, std::size_t ahead, int window_bits) {
  return std::make_unique<InContext>(*this, socket, ahead, window_bits);
}

}  // namespace pillard::transport
