#include "ssh/egress.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>

namespace pillard::ssh {

namespace {

using Poco::Net::IPAddress;
using Bytes = std::span<const unsigned char>;

Bytes bytes_of(const IPAddress& address) {
  return {static_cast<const unsigned char*>(address.addr()), static_cast<std::size_t>(address.length())};
}

bool is_v6(const IPAddress& address) { return address.family() == IPAddress::IPv6; }

/// Not Poco's parser: that one takes "127.1" and zones, and throws.
std::optional<IPAddress> parse_address(const std::string& text) {
  if (text.find('\0') != std::string::npos) return std::nullopt;
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return IPAddress(bytes.data(), sizeof(in_addr));
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return IPAddress(bytes.data(), sizeof(in6_addr));
  return std::nullopt;
}

IPAddress v4(Bytes bytes) { return {bytes.data(), sizeof(in_addr)}; }

/// ::ffff:a.b.c.d: the kernel connects to the IPv4 address itself.
std::optional<IPAddress> mapped(const IPAddress& address) {
  if (!is_v6(address) || !address.isIPv4Mapped()) return std::nullopt;
  return v4(bytes_of(address).last(4));
}

bool starts_with(Bytes bytes, std::initializer_list<unsigned char> prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

/// The IPv4 addresses that some gateway on the way may turn this address into.
std::vector<IPAddress> carried(const IPAddress& address) {
  if (!is_v6(address)) return {};
  const auto bytes = bytes_of(address);
  if (starts_with(bytes, {0, 0, 0, 0, 0, 0, 0, 0})) {
    const auto middle = bytes.subspan(8, 4);
    const bool compatible = starts_with(middle, {0, 0, 0, 0});        // ::a.b.c.d
    const bool is_mapped = starts_with(middle, {0, 0, 0xff, 0xff});   // ::ffff:a.b.c.d
    const bool translated = starts_with(middle, {0xff, 0xff, 0, 0});  // ::ffff:0:a.b.c.d
    if (compatible || is_mapped || translated) return {v4(bytes.last(4))};
  }
  if (starts_with(bytes, {0x20, 0x02})) return {v4(bytes.subspan(2, 4))};                             // 6to4
  if (starts_with(bytes, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return {v4(bytes.last(4))};  // NAT64
  if (starts_with(bytes, {0, 0x64, 0xff, 0x9b, 0, 1})) {
    // Local NAT64: a /48 prefix splits the address around byte 8, a /96 one has it last. Both are looked at.
    const std::array<unsigned char, 4> split{bytes[6], bytes[7], bytes[9], bytes[10]};
    return {v4(split), v4(bytes.last(4))};
  }
  if (starts_with(bytes, {0x20, 0x01, 0, 0})) {  // Teredo: the client's address with all bits turned
    std::array<unsigned char, 4> turned{};
    std::transform(bytes.end() - 4, bytes.end(), turned.begin(),
                   [](unsigned char byte) { return static_cast<unsigned char>(~byte); });
    return {v4(turned)};
  }
  return {};
}

Error bad_entry(const std::string& text, const char* why) { return {Code::kBadRequest, "\"" + text + "\" " + why}; }

}  // namespace

bool Egress::Network::contains(const IPAddress& other) const {
  if (address.family() != other.family()) return false;
  const auto left = bytes_of(address);
  const auto right = bytes_of(other);
  const auto whole = prefix / 8;
  if (!std::equal(left.begin(), left.begin() + whole, right.begin())) return false;
  const auto rest = prefix % 8;
  return rest == 0 || (left[whole] >> (8 - rest)) == (right[whole] >> (8 - rest));
}

Result<Egress::Network> Egress::parse_network(const std::string& text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return bad_entry(text, "is not an IP address or a network like 10.0.0.0/8.");
  const auto bits = static_cast<unsigned>(address->length()) * 8;
  unsigned prefix = bits;
  if (slash != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, prefix);
    if (error != std::errc() || rest != end || prefix > bits) {
      return bad_entry(text,
                       is_v6(*address) ? "needs a prefix length of 0 to 128." : "needs a prefix length of 0 to 32.");
    }
  }
  const auto bytes = bytes_of(*address);
  for (unsigned bit = prefix; bit < bits; ++bit) {
    if ((bytes[bit / 8] >> (7 - bit % 8)) & 1U) {
      return bad_entry(text, "has bits set behind its prefix length: a shorter address or a longer prefix is meant.");
    }
  }
  return Network{*address, prefix};
}

Result<Egress> Egress::parse(const Options& options) {
  Egress egress;
  for (const auto& [texts, networks] : {std::pair(&options.allow, &egress.allow_), {&options.deny, &egress.deny_}}) {
    for (const auto& text : *texts) {
      auto network = parse_network(text);
      if (!network) return network.error();
      networks->push_back(*network);
    }
  }
  return egress;
}

bool Egress::any_of(const std::vector<Network>& networks, const IPAddress& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.contains(address); });
}

const std::vector<Egress::Network>& Egress::denied_by_default() {
  static const auto kNetworks = [] {
    std::vector<Network> made;
    for (const auto* text :
         {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3",  // this host, link-local, multicast on
          "100.100.100.200", "168.63.129.16", "192.0.0.192",            // metadata elsewhere
          "::", "::1", "fe80::/10", "ff00::/8", "fd00:ec2::254", "fd20:ce::254"}) {
      made.push_back(parse_network(text).value());
    }
    return made;
  }();
  return kNetworks;
}

bool Egress::allowed(const IPAddress& address) const {
  const auto itself = mapped(address).value_or(address);
  const auto inside = carried(address);
  const auto hit = [&](const std::vector<Network>& networks) {
    return any_of(networks, address) || any_of(networks, itself) ||
           std::any_of(inside.begin(), inside.end(), [&](const auto& v4) { return any_of(networks, v4); });
  };
  if (hit(deny_)) return false;
  if (any_of(allow_, address) || any_of(allow_, itself)) return true;
  return !hit(denied_by_default());
}

}  // namespace pillard::ssh
