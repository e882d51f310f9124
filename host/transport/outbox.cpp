#include "transport/outbox.h"

#include <array>

namespace pillard::transport {

Sink::Result Outbox::flush(Sink& sink) {
  constexpr std::size_t kParts = 256;  // of one writev
  constexpr std::size_t kKeep = 16;    // entries for which an idle outbox keeps room
  auto result = Sink::Result::kOk;
  while (bytes_ > 0 && result == Sink::Result::kOk) {
    std::array<iovec, kParts> parts;  // NOLINT: filled below, as far as used
    std::size_t count = 0;
    std::size_t skip = offset_;
    for (std::size_t i = head_; i < entries_.size() && count < kParts; ++i) {
      const auto& frame = *entries_[i];
      parts[count++] = {const_cast<char*>(frame.data()) + skip, frame.size() - skip};  // writev never writes there
      skip = 0;
    }
    std::size_t written = 0;
    result = sink.write({parts.data(), count}, written);
    drop(written);
  }
  if (bytes_ == 0) {
    entries_.clear();
    head_ = offset_ = 0;
    if (entries_.capacity() > kKeep) entries_.shrink_to_fit();
  }
  return result;
}

void Outbox::drop(std::size_t written) {
  bytes_ -= written;
  offset_ += written;
  while (head_ < entries_.size() && offset_ >= entries_[head_]->size()) {
    offset_ -= entries_[head_]->size();
    entries_[head_++].reset();
  }
  // A client that is always a little behind must not make the list of what is gone grow.
  if (head_ > 1024 && head_ * 2 > entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

}  // namespace pillard::transport
