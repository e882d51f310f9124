#pragma once
// A request's body in chunks (RFC 9112, 7.1).
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/http_head.h"

namespace pillard::wire {

/// [any] Takes a chunked body in pieces of any cut. Strict: what two readers could understand differently is refused.
/// Extensions and trailer fields are read over, within bounds.
class ChunkedDecoder {
 public:
  enum class State {
    kMore,  // all input was consumed
    kDone,  // the body has ended; what follows is not its
    kBad,   // see error(); the decoder stays in this state
  };

  /// `most`: bytes of the body; 413 as soon as a chunk announces more.
  explicit ChunkedDecoder(std::uint64_t most) : most_(most) {}

  /// Consumes from the front of `input` and appends what belongs to the body.
  State take(std::string_view& input, std::string& body);
  const HttpError& error() const noexcept { return error_; }

 private:
  enum class At { kSize, kData, kDataEnd, kTrailer, kDone, kBad };
  bool take_line(std::string_view& input);
  void end_line();
  void begin_chunk();
  State bad(HttpError error);

  const std::uint64_t most_;
  std::uint64_t total_ = 0;
  std::uint64_t left_ = 0;  // of this chunk
  std::uint64_t overhead_ = 0;
  At at_ = At::kSize;
  std::string line_;
  HttpError error_;
};

}  // namespace pillard::wire
