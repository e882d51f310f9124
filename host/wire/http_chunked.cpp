#include "wire/http_chunked.h"

#include <algorithm>
#include <charconv>

#include "wire/http_text.h"

namespace pillard::wire {

namespace {
constexpr std::size_t kLine = 1024;        // a size with its extensions, or a trailer field
constexpr std::uint64_t kTrailers = 8192;  // all of them
constexpr std::size_t kSizeDigits = 12;    // no body here is longer
}  // namespace

ChunkedDecoder::State ChunkedDecoder::bad(HttpError error) {
  error_ = std::move(error);
  at_ = At::kBad;
  return State::kBad;
}

/// One line without its end, in `line_`. False: more input is needed, or it is bad.
bool ChunkedDecoder::take_line(std::string_view& input) {
  while (!input.empty()) {
    const char c = input.front();
    input.remove_prefix(1);
    const bool returned = !line_.empty() && line_.back() == '\r';
    if (c == '\n') {
      if (!returned) return bad({400, "a chunked body has a line feed without its carriage return"}), false;
      line_.pop_back();
      return true;
    }
    if (returned) return bad({400, "a chunked body has a carriage return without its line feed"}), false;
    if (line_.size() >= kLine) return bad({400, "a line of the chunked body is too long"}), false;
    line_ += c;
  }
  return false;
}

void ChunkedDecoder::begin_chunk() {
  std::string_view text = line_;
  const auto digits = std::min(text.find_first_not_of("0123456789abcdefABCDEF"), text.size());
  const auto extension = text.substr(digits);
  if (digits == 0 || digits > kSizeDigits) {
    bad({400, "a chunk's size is no hexadecimal number"});
  } else if (!is_field_value(extension) || (!extension.empty() && extension.front() != ';')) {
    bad({400, "a chunk's extension cannot be read"});
  } else {
    std::from_chars(text.data(), text.data() + digits, left_, 16);
    // Many tiny chunks with long extensions are no way around the limit.
    overhead_ += extension.size();
    if (left_ > most_ - total_) {
      bad({413, "the body is too large"});
    } else if (overhead_ > most_ + kTrailers) {
      bad({413, "the chunks' extensions are too large"});
    } else {
      total_ += left_;
      at_ = left_ == 0 ? At::kTrailer : At::kData;
      if (left_ == 0) overhead_ = 0;
    }
  }
}

void ChunkedDecoder::end_line() {
  switch (at_) {
    case At::kSize: begin_chunk(); break;
    case At::kDataEnd:
      if (line_.empty()) {
        at_ = At::kSize;
      } else {
        bad({400, "a chunk is longer than it says"});
      }
      break;
    case At::kTrailer:
      overhead_ += line_.size();
      if (line_.empty()) {
        at_ = At::kDone;
      } else if (overhead_ > kTrailers) {
        bad({431, "the trailer fields are too large"});
      } else if (line_.find(':') == std::string::npos || !is_token(line_.substr(0, line_.find(':'))) ||
                 !is_field_value(line_)) {
        bad({400, "a trailer field cannot be read"});
      }
      break;
    case At::kData:
    case At::kDone:
    case At::kBad: break;
  }
  line_.clear();
}

ChunkedDecoder::State ChunkedDecoder::take(std::string_view& input, std::string& body) {
  while (at_ != At::kDone && at_ != At::kBad) {
    if (at_ == At::kData) {
      if (input.empty()) return State::kMore;
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      body.append(input.substr(0, size));
      input.remove_prefix(size);
      left_ -= size;
      if (left_ == 0) at_ = At::kDataEnd;
    } else if (take_line(input)) {
      end_line();
    } else if (at_ != At::kBad) {
      return State::kMore;
    }
  }
  return at_ == At::kDone ? State::kDone : State::kBad;
}

}  // namespace pillard::wire
