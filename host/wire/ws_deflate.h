#pragma once
// Messages as permessage-deflate carries them (RFC 7692, 7.2): raw DEFLATE, flushed, without the four bytes
// 00 00 ff ff at its end.
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "wire/ws_frame.h"

struct z_stream_s;

namespace pillard::wire {

/// Compresses messages. Holds 2^(window_bits + 3) bytes and about 6 KiB more. [one lane at a time]
class WsDeflater {
 public:
  struct Options {
    int level = 6;                  // 1 (fast) to 9 (small)
    int window_bits = 15;           // 8 to 15
    bool context_takeover = false;  // a message may refer to those before it
  };
  explicit WsDeflater(Options options);
  ~WsDeflater();
  WsDeflater(const WsDeflater&) = delete;

  /// Appends the payload of one compressed message, at least one byte.
  void deflate(std::string& out, std::string_view message);
  /// Appends a whole frame with one message: compressed, or, where that would be longer and nothing that follows
  /// depends on it, as it is.
  void append_frame(std::string& out, WsOpcode opcode, std::string_view message);

 private:
  const bool context_takeover_;
  std::unique_ptr<z_stream_s> stream_;
  std::string payload_;  // of the last frame
};

/// Reads messages. Holds about 7 KiB, and 2^window_bits bytes more from the first message on. [one lane at a time]
class WsInflater {
 public:
  enum class Result { kOk, kBad, kTooBig };
  struct Options {
    /// 8 to 15, as agreed for who sends. One that looks further back all the same is read or refused, as it happens.
    int window_bits = 15;
    bool context_takeover = true;  // a message may refer to those before it
  };
  explicit WsInflater(Options options);
  ~WsInflater();
  WsInflater(const WsInflater&) = delete;

  /// Appends what the next piece of a message inflates to, cut anywhere. kTooBig as soon as `out` would be longer than
  /// `most`: it never is. After anything but kOk the object is of no use.
  Result inflate(std::string& out, std::string_view piece, std::size_t most);
  /// The message is over: appends the rest. kBad if it ends inside a block.
  Result finish(std::string& out, std::size_t most);

 private:
  const bool context_takeover_;
  std::unique_ptr<z_stream_s> stream_;
  bool fresh_ = true;  // nothing was read since the message, or a final block of it, began
};

}  // namespace pillard::wire
