#include "wire/ws_extension.h"

#include <algorithm>

#include "wire/http_text.h"

namespace pillard::wire {
namespace {

/// Reads a field value from its front.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : left_(text) {}

  bool done() const { return left_.empty(); }
  bool take(char wanted) {
    skip();
    if (left_.empty() || left_.front() != wanted) return false;
    left_.remove_prefix(1);
    skip();
    return true;
  }
  std::optional<std::string> token() {
    skip();
    std::size_t size = 0;
    while (size < left_.size() && is_token(left_.substr(size, 1))) ++size;
    if (size == 0) return std::nullopt;
    std::string text(left_.substr(0, size));
    left_.remove_prefix(size);
    skip();
    return text;
  }
  /// A token, or one in quotes.
  std::optional<std::string> value() {
    skip();
    if (left_.empty() || left_.front() != '"') return token();
    std::string text;
    for (std::size_t at = 1; at < left_.size(); ++at) {
      if (left_[at] == '"') {
        left_.remove_prefix(at + 1);
        skip();
        if (!is_token(text)) return std::nullopt;
        return text;
      }
      if (left_[at] == '\\' && ++at == left_.size()) return std::nullopt;
      text += left_[at];
    }
    return std::nullopt;
  }

 private:
  void skip() {
    while (!left_.empty() && (left_.front() == ' ' || left_.front() == '\t')) left_.remove_prefix(1);
  }
  std::string_view left_;
};

std::optional<WsExtension> read_extension(Cursor& cursor) {
  auto name = cursor.token();
  if (!name) return std::nullopt;
  WsExtension extension{.name = std::move(*name)};
  while (cursor.take(';')) {
    auto parameter = cursor.token();
    if (!parameter) return std::nullopt;
    std::optional<std::string> value;
    if (cursor.take('=') && !(value = cursor.value())) return std::nullopt;
    extension.parameters.emplace_back(std::move(*parameter), std::move(value));
  }
  return extension;
}

/// 8 to 15, without a leading zero.
std::optional<int> window_bits(std::string_view text) {
  if (text == "8" || text == "9") return text.front() - '0';
  if (text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5') return 10 + (text[1] - '0');
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<WsExtension>> read_ws_extensions(std::string_view value) {
  std::vector<WsExtension> all;
  Cursor cursor(value);
  do {
    while (cursor.take(',')) {  // a list may have empty elements
    }
    if (cursor.done()) break;
    auto extension = read_extension(cursor);
    if (!extension) return std::nullopt;
    all.push_back(std::move(*extension));
  } while (cursor.take(','));
  if (all.empty() || !cursor.done()) return std::nullopt;
  return all;
}

std::optional<WsDeflate> accept_ws_deflate(const WsExtension& offer, const WsDeflatePolicy& policy) {
  if (!iequals(offer.name, "permessage-deflate")) return std::nullopt;
  WsDeflate agreed{.server_no_context_takeover = !policy.context_takeover,
                   .client_no_context_takeover = !policy.context_takeover,
                   .server_max_window_bits = policy.window_bits};
  for (auto at = offer.parameters.begin(); at != offer.parameters.end(); ++at) {
    const auto& name = at->first;
    const auto& value = at->second;
    if (std::any_of(offer.parameters.begin(), at, [&](const auto& one) { return iequals(one.first, name); }))
      return std::nullopt;
    const auto bits = value ? window_bits(*value) : std::nullopt;
    if (iequals(name, "server_no_context_takeover") && !value) {
      agreed.server_no_context_takeover = true;
    } else if (iequals(name, "client_no_context_takeover") && !value) {
      agreed.client_no_context_takeover = true;
    } else if (iequals(name, "server_max_window_bits") && bits) {
      agreed.server_max_window_bits = std::min(policy.window_bits, *bits);
      agreed.names_server_bits = true;
    } else if (iequals(name, "client_max_window_bits") && (bits || !value)) {
      // Only a client that offers this can be told to hold to less than 15.
      agreed.client_max_window_bits = std::min(policy.window_bits, bits.value_or(15));
    } else {
      return std::nullopt;
    }
  }
  return agreed;
}

std::variant<std::optional<WsDeflate>, HttpError> negotiate_ws_deflate(const HttpRequest& request,
                                                                       const WsDeflatePolicy& policy) {
  std::optional<WsDeflate> agreed;
  for (const auto& [name, value] : request.headers) {
    if (!iequals(name, "Sec-WebSocket-Extensions")) continue;
    const auto offers = read_ws_extensions(value);
    if (!offers) return HttpError{400, "the Sec-WebSocket-Extensions header cannot be read"};
    for (const auto& offer : *offers)
      if (!agreed) agreed = accept_ws_deflate(offer, policy);
  }
  return agreed;
}

std::string ws_deflate_answer(const WsDeflate& agreed) {
  std::string answer = "permessage-deflate";
  if (agreed.server_no_context_takeover) answer += "; server_no_context_takeover";
  if (agreed.client_no_context_takeover) answer += "; client_no_context_takeover";
  if (agreed.names_server_bits || agreed.server_max_window_bits < 15)
    answer += "; server_max_window_bits=" + std::to_string(agreed.server_max_window_bits);
  if (agreed.client_max_window_bits < 15)
    answer += "; client_max_window_bits=" + std::to_string(agreed.client_max_window_bits);
  return answer;
}

}  // namespace pillard::wire
