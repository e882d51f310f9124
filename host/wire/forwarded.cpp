#include "wire/forwarded.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "wire/http_text.h"

namespace pillard::wire {
namespace {

constexpr std::size_t kMostSteps = 64;  // more than any way has
constexpr std::size_t kMostPairs = 16;  // of one step; four are defined

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

bool digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// A port of RFC 7239: a number, or an obfuscated one.
bool port(std::string_view text) {
  if (text.starts_with('_'))
    return text.size() > 1 && std::all_of(text.begin(), text.end(), [](char c) {
             return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                    c == '_' || c == '-';
           });
  return digits(text) && text.size() <= 5;
}

/// Takes pieces off the front of a field's value.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const noexcept { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  std::optional<std::string> token() {
    std::size_t size = 0;
    while (size < rest_.size() && is_token(rest_.substr(size, 1))) ++size;
    if (size == 0) return std::nullopt;
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return out;
  }
  std::optional<std::string> quoted() {
    std::string out;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      out += c;
    }
    return std::nullopt;
  }
  std::optional<std::string> value() { return take('"') ? quoted() : token(); }

 private:
  std::string_view rest_;
};

/// One element: pairs parted by semicolons, each name once.
bool read_step(Scanner& scanner, ForwardedStep& step) {
  std::vector<std::string> seen;
  for (;;) {
    const auto name = scanner.token();
    if (seen.size() == kMostPairs || !name || !scanner.take('=')) return false;
    const auto value = scanner.value();
    if (!value) return false;
    auto key = lower(*name);
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) return false;
    if (key == "proto") step.proto = lower(*value);
    if (key == "for") {
      step.from = parse_node(*value);
      const auto bare = std::string_view(*value).substr(0, value->rfind(':'));
      const bool hidden = lower(*value) == "unknown" || lower(bare) == "unknown" || value->starts_with('_');
      if (!step.from && !hidden) return false;
    }
    seen.push_back(std::move(key));
    scanner.skip_blanks();
    if (!scanner.take(';')) return true;
    scanner.skip_blanks();
  }
}

/// The values of all fields of a name, in their order.
std::vector<std::string_view> values_of(const TrustedProxies::Fields& headers, std::string_view name) {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : headers)
    if (iequals(key, name)) values.push_back(value);
  return values;
}

/// Cuts off what stands behind the last comma that is not in quotes.
std::string_view take_last(std::string_view& rest) {
  bool quoted = false;
  for (auto i = rest.size(); i > 0; --i) {
    if (rest[i - 1] == '"') quoted = !quoted;
    if (rest[i - 1] != ',' || quoted) continue;
    const auto last = rest.substr(i);
    rest = rest.substr(0, i - 1);
    return last;
  }
  return std::exchange(rest, {});
}

bool is_secure(std::string_view proto, bool otherwise) {
  if (iequals(proto, "https") || iequals(proto, "wss")) return true;
  if (iequals(proto, "http") || iequals(proto, "ws")) return false;
  return otherwise;
}

}  // namespace

std::optional<Address> parse_node(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const auto behind = text.substr(end + 1);
    if (!behind.empty() && !(behind.front() == ':' && port(behind.substr(1)))) return std::nullopt;
    const auto inside = text.substr(1, end - 1);
    return inside.find(':') == std::string_view::npos ? std::nullopt : Address::parse(inside);
  }
  const auto colon = text.find(':');
  // A single colon parts an IPv4 address from its port.
  if (colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos)
    return port(text.substr(colon + 1)) ? Address::parse(text.substr(0, colon)) : std::nullopt;
  return Address::parse(text);
}

std::optional<std::vector<ForwardedStep>> parse_forwarded(std::string_view value) {
  std::vector<ForwardedStep> steps;
  Scanner scanner(value);
  for (;;) {
    scanner.skip_blanks();
    // A list may have empty elements (RFC 9110, 5.6.1).
    if (scanner.done()) return steps;
    if (scanner.take(',')) continue;
    if (steps.size() == kMostSteps || !read_step(scanner, steps.emplace_back())) return std::nullopt;
    if (!scanner.done() && !scanner.take(',')) return std::nullopt;
  }
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& entries, By by) : by_(by) {
  for (const auto& entry : entries) {
    if (entry == "unix") {
      unix_ = true;
    } else if (const auto network = Network::parse(entry)) {
      networks_.push_back(*network);
    } else {
      throw std::invalid_argument("\"" + entry + "\" is no network");
    }
  }
}

bool TrustedProxies::trusts(const Address& peer) const noexcept {
  if (peer.unix_socket()) return unix_;
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& one) { return one.contains(peer); });
}

Client TrustedProxies::client(const Address& peer, bool secure, const Fields& headers) const {
  const Client itself{peer, secure};
  if (!trusts(peer)) return itself;
  return by_ == By::kForwarded ? by_forwarded(itself, headers) : by_x_forwarded(itself, headers);
}

Client TrustedProxies::by_x_forwarded(Client peer, const Fields& headers) const {
  Client found = peer;
  if (const auto schemes = values_of(headers, "X-Forwarded-Proto"); !schemes.empty()) {
    // Of several the last one: it is the nearest proxy's own.
    auto last = schemes.back();
    last.remove_prefix(std::min(last.rfind(',') + 1, last.size()));
    found.secure = is_secure(trim_ows(last), peer.secure);
  }
  const auto fields = values_of(headers, "X-Forwarded-For");
  std::size_t steps = 0;
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    auto rest = *field;
    for (bool more = true; more;) {
      const auto comma = rest.rfind(',');
      more = comma != std::string_view::npos;
      const auto element = trim_ows(more ? rest.substr(comma + 1) : rest);
      rest = rest.substr(0, more ? comma : 0);
      if (element.empty()) continue;
      const auto address = parse_node(element);
      if (!address || ++steps > kMostSteps) return {peer.address, found.secure};
      found.address = *address;
      if (!trusts(*address)) return found;
    }
  }
  return found;
}

/// From the right, and no further than proxies are trusted: what clients have written there themselves may be anything.
Client TrustedProxies::by_forwarded(Client peer, const Fields& headers) const {
  Client found = peer;
  std::size_t steps = 0;
  const auto fields = values_of(headers, "Forwarded");
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    for (auto rest = *field; !rest.empty();) {
      const auto element = take_last(rest);
      const auto step = parse_forwarded(element);
      if (!step || step->size() > 1 || ++steps > kMostSteps) return peer;
      if (step->empty()) continue;
      const auto& [from, proto] = step->front();
      if (!from) return {peer.address, is_secure(proto, peer.secure)};
      found = {*from, is_secure(proto, peer.secure)};
      if (!trusts(*from)) return found;
    }
  }
  return found;
}

}  // namespace pillard::wire
