#include "session/secret.h"

#include <cstring>
#include <utility>

namespace pillard::session {

Secret::Secret(std::string_view text)
    : bytes_(text.empty() ? nullptr : std::make_unique_for_overwrite<char[]>(text.size())), size_(text.size()) {
  if (bytes_) std::memcpy(bytes_.get(), text.data(), text.size());
}

Secret Secret::take(std::string& text) {
  Secret secret(text);
  session::wipe(text);
  return secret;
}

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(size_, other.size_);
  return *this;
}

void Secret::wipe() noexcept {
  if (bytes_) explicit_bzero(bytes_.get(), size_);
}

bool operator==(const Secret& left, const Secret& right) noexcept {
  if (left.size_ != right.size_) return false;
  // volatile: the compiler may not see that the answer is known after the first difference.
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < left.size_; ++i) {
    difference = static_cast<unsigned char>(difference | (left.bytes_[i] ^ right.bytes_[i]));
  }
  return difference == 0;
}

void wipe(std::string& text) noexcept {
  // Up to the capacity: a longer text may have been here before. Growing to it does not allocate.
  text.resize(text.capacity());
  explicit_bzero(text.data(), text.size());
  text.clear();
}

}  // namespace pillard::session
