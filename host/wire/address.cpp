#include "wire/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace pillard::wire {

namespace {
constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
}

Address::Address(const void* bytes, std::size_t size) {
  std::string_view kept(static_cast<const char*>(bytes), size);
  if (size == 16 && kept.starts_with(kMapped)) kept.remove_prefix(kMapped.size());
  std::memcpy(bytes_.data(), kept.data(), kept.size());
  size_ = kept.size();
}

Address::Address(const Poco::Net::IPAddress& ip) : Address(ip.addr(), static_cast<std::size_t>(ip.length())) {}

std::optional<Address> Address::parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) return Address(bytes.data(), 4);
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return Address(bytes.data(), 16);
  return std::nullopt;
}

std::string Address::text() const {
  if (unix_socket()) return "unix";
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(size_ == 4 ? AF_INET : AF_INET6, bytes_.data(), out.data(), out.size());
  return out.data();
}

std::string Address::group() const { return std::string(bytes().substr(0, size_ == 16 ? 8 : size_)); }

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = Address::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  Network network;
  network.base_ = *base;
  const auto bits = static_cast<unsigned>(base->bytes().size()) * 8;
  const bool mapped = bits == 32 && text.find(':') != std::string_view::npos;
  const auto written = mapped ? 128U : bits;  // what a prefix counts from
  network.prefix_ = bits;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto* const end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, network.prefix_);
    if (error != std::errc{} || rest != end || network.prefix_ > written) return std::nullopt;
    if (network.prefix_ < written - bits) return std::nullopt;
    network.prefix_ -= written - bits;
  }
  for (unsigned bit = network.prefix_; bit < bits; ++bit)
    if ((static_cast<unsigned char>(base->bytes()[bit / 8]) & (0x80U >> (bit % 8))) != 0) return std::nullopt;
  return network;
}

bool Network::contains(const Address& address) const noexcept {
  const auto ours = base_.bytes();
  const auto theirs = address.bytes();
  if (ours.size() != theirs.size() || theirs.empty()) return false;
  const auto whole = prefix_ / 8;
  if (ours.substr(0, whole) != theirs.substr(0, whole)) return false;
  const auto rest = prefix_ % 8;
  return rest == 0 ||
         ((static_cast<unsigned char>(ours[whole]) ^ static_cast<unsigned char>(theirs[whole])) >> (8 - rest)) == 0;
}

}  // namespace pillard::wire
