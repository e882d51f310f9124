#include "wire/ws_deflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace pillard::wire {
namespace {

constexpr std::string_view kTail("\x00\x00\xff\xff", 4);  // what flushing writes and a message leaves out
constexpr std::size_t kKept = 64 * 1024;                  // bytes that an idle deflater may keep for the next frame

Bytef* bytes_of(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib only reads there
}

/// zlib counts in unsigned int.
uInt step_of(std::size_t size) { return static_cast<uInt>(std::min<std::size_t>(size, 1U << 30U)); }

/// So that the tables take as much room as the window does.
int memory_level(int window_bits) { return std::clamp(window_bits - 7, 1, 8); }

}  // namespace

WsDeflater::WsDeflater(Options options)
    : context_takeover_(options.context_takeover), stream_(std::make_unique<z_stream>()) {
  // zlib has no window of 256 bytes. With Z_RLE it looks back one byte and no further, which fits into any.
  const int bits = std::max(options.window_bits, 9);
  const int strategy = options.window_bits < 9 ? Z_RLE : Z_DEFAULT_STRATEGY;
  if (deflateInit2(stream_.get(), options.level, Z_DEFLATED, -bits, memory_level(bits), strategy) != Z_OK)
    throw std::bad_alloc();
}

WsDeflater::~WsDeflater() { deflateEnd(stream_.get()); }

void WsDeflater::deflate(std::string& out, std::string_view message) {
  // An empty block; flushing twice writes nothing.
  if (message.empty()) {
    out += '\0';
    return;
  }
  if (!context_takeover_) deflateReset(stream_.get());
  std::array<char, 16 * 1024> chunk;  // NOLINT: zlib fills it
  do {
    stream_->next_in = bytes_of(message);
    stream_->avail_in = step_of(message.size());
    message.remove_prefix(stream_->avail_in);
    do {
      stream_->next_out = reinterpret_cast<Bytef*>(chunk.data());
      stream_->avail_out = static_cast<uInt>(chunk.size());
      ::deflate(stream_.get(), message.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH);
      out.append(chunk.data(), chunk.size() - stream_->avail_out);
    } while (stream_->avail_out == 0);
  } while (!message.empty());
  out.resize(out.size() - kTail.size());
}

void WsDeflater::append_frame(std::string& out, WsOpcode opcode, std::string_view message) {
  payload_.clear();
  deflate(payload_, message);
  if (!context_takeover_ && payload_.size() >= message.size()) {
    append_ws_frame(out, opcode, message);
  } else {
    append_ws_header(out, opcode, payload_.size(), true);
    out.append(payload_);
  }
  if (payload_.capacity() > kKept) std::string().swap(payload_);
}

WsInflater::WsInflater(Options options)
    : context_takeover_(options.context_takeover), stream_(std::make_unique<z_stream>()) {
  // Whoever means 8 may write as if it were 9: older versions of zlib did.
  if (inflateInit2(stream_.get(), -std::max(options.window_bits, 9)) != Z_OK) throw std::bad_alloc();
}

WsInflater::~WsInflater() { inflateEnd(stream_.get()); }

WsInflater::Result WsInflater::inflate(std::string& out, std::string_view piece, std::size_t most) {
  std::array<char, 16 * 1024> chunk;  // NOLINT: zlib fills it
  while (!piece.empty()) {
    stream_->next_in = bytes_of(piece);
    stream_->avail_in = step_of(piece.size());
    piece.remove_prefix(stream_->avail_in);
    bool full = false;  // more may be ready to come out
    while (stream_->avail_in > 0 || full) {
      stream_->next_out = reinterpret_cast<Bytef*>(chunk.data());
      stream_->avail_out = static_cast<uInt>(chunk.size());
      const int status = ::inflate(stream_.get(), Z_SYNC_FLUSH);
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      // What stands before a mistake is handed out as well: the verdict must not depend on how the message was cut.
      const std::size_t size = chunk.size() - stream_->avail_out;
      const std::size_t room = most - std::min(most, out.size());
      out.append(chunk.data(), std::min(size, room));
      if (size > room) return Result::kTooBig;
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return Result::kBad;
      full = stream_->avail_out == 0;
      fresh_ = false;
      if (status != Z_STREAM_END) continue;
      // A block that calls itself the last one ends what can be referred to, but not the message.
      inflateReset(stream_.get());
      fresh_ = true;
      full = false;
    }
  }
  return Result::kOk;
}

WsInflater::Result WsInflater::finish(std::string& out, std::size_t most) {
  // Nothing is open where the tail could stand.
  if (!fresh_) {
    const auto result = inflate(out, kTail, most);
    if (result != Result::kOk) return result;
    // Bit 7: a block has just ended; the lower six: bits of the last byte that are not used.
    constexpr int kBlockEnded = 128;
    constexpr int kUnusedBits = 63;
    if ((stream_->data_type & kBlockEnded) == 0 || (stream_->data_type & kUnusedBits) != 0) return Result::kBad;
  }
  if (!context_takeover_) inflateReset(stream_.get());
  fresh_ = true;
  return Result::kOk;
}

}  // namespace pillard::wire
