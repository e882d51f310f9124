#include "wire/http_head.h"

#include <Poco/MemoryStream.h>
#include <Poco/Net/HTTPRequest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>

#include "wire/http_text.h"

namespace pillard::wire {
namespace {

struct Field {
  std::string_view name;
  std::string_view value;
};

/// The head in slices, checked; what Poco reads afterwards has only one reading left.
struct Slices {
  std::string_view method;
  std::string_view target;
  int version_minor = 1;
  std::vector<Field> fields;

  const Field* find(std::string_view name) const {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return iequals(f.name, name); });
    return found == fields.end() ? nullptr : &*found;
  }
  auto count(std::string_view name) const {
    return std::count_if(fields.begin(), fields.end(), [&](const Field& f) { return iequals(f.name, name); });
  }
};

using Verdict = std::optional<HttpError>;

constexpr std::string_view kEnd = "\r\n";

/// Fields that mean one thing; a second one would let two readers choose differently.
constexpr std::array<std::string_view, 9> kSingletons{
    "Host",    "Content-Length", "Transfer-Encoding", "Content-Type",         "Origin",
    "Upgrade", "Authorization",  "Sec-WebSocket-Key", "Sec-WebSocket-Version"};

constexpr std::string_view kHostMarks = "-._~!$&'()*+,;=:%[]";

HttpError bad(std::string reason) { return {400, std::move(reason)}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Verdict check_version(std::string_view version, Slices& out) {
  if (version == "HTTP/1.1" || version == "HTTP/1.0") {
    out.version_minor = version.back() - '0';
    return std::nullopt;
  }
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                           version[6] == '.' && is_digit(version[7]);
  if (well_formed) return HttpError{505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return bad("the request line does not end with an HTTP version");
}

Verdict check_target(std::string_view target, std::string_view method, const HttpLimits& limits) {
  if (target.size() > limits.target) return HttpError{414, "the request target is too long"};
  if (target == "*") {
    if (method == "OPTIONS") return std::nullopt;
    return bad("only OPTIONS may ask for *");
  }
  const bool visible = std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!visible) return bad("the request target has characters that must be percent-encoded");
  if (!target.starts_with('/')) return bad("the request target must start with a slash");
  if (target.find('#') != std::string_view::npos) return bad("the request target has a fragment");
  return std::nullopt;
}

Verdict check_request_line(std::string_view line, const HttpLimits& limits, Slices& out) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return bad("the request line must be a method, a target and a version");
  }
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  if (!is_token(out.method)) return bad("the method is not a token");
  if (out.method.size() > 20) return HttpError{501, "there is no such method"};
  if (auto error = check_version(line.substr(last + 1), out)) return error;
  return check_target(out.target, out.method, limits);
}

Verdict check_field(std::string_view line, const HttpLimits& limits, Slices& out) {
  if (line.starts_with(' ') || line.starts_with('\t')) return bad("folded header lines are not allowed");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("a header line has no colon");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim_ows(line.substr(colon + 1));
  if (name.size() > std::min<std::size_t>(limits.name, 255)) return HttpError{431, "a header name is too long"};
  if (!is_token(name)) return bad("a header name is not a token");
  if (value.size() > std::min<std::size_t>(limits.value, 8191)) return HttpError{431, "a header value is too long"};
  if (!is_field_value(value)) return bad("a header value has control characters");
  if (out.fields.size() >= std::min<std::size_t>(limits.fields, 100)) return HttpError{431, "too many headers"};
  out.fields.push_back({name, value});
  return std::nullopt;
}

Verdict check_host(const Slices& slices) {
  const Field* host = slices.find("Host");
  if (host == nullptr) {
    if (slices.version_minor == 0) return std::nullopt;
    return bad("the Host header is missing");
  }
  const bool plain = std::all_of(host->value.begin(), host->value.end(), [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kHostMarks.find(c) != std::string_view::npos;
  });
  if (host->value.empty() || !plain) return bad("the Host header is not a host");
  return std::nullopt;
}

/// Which bytes behind the head are its body: the one question where leniency is a hole.
Verdict check_framing(const Slices& slices, const HttpLimits& limits) {
  const Field* coding = slices.find("Transfer-Encoding");
  const Field* length = slices.find("Content-Length");
  if (coding != nullptr && length != nullptr) return bad("Content-Length and Transfer-Encoding exclude each other");
  if (coding != nullptr) {
    if (slices.version_minor == 0) return bad("HTTP/1.0 has no Transfer-Encoding");
    if (!iequals(coding->value, "chunked")) return HttpError{501, "the only transfer coding known here is chunked"};
  }
  if (length != nullptr) {
    const std::string_view digits = length->value;
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit))
      return bad("Content-Length is no number");
    std::uint64_t value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (result.ec != std::errc{} || value > limits.content) return HttpError{413, "the body is too large"};
  }
  return std::nullopt;
}

Verdict check(std::string_view head, const HttpLimits& limits, Slices& out) {
  if (head.size() > limits.head) return HttpError{431, "the request head is too large"};
  if (!head.ends_with("\r\n\r\n")) return bad("the request head is incomplete");
  head.remove_suffix(kEnd.size());
  bool request_line = true;
  while (!head.empty()) {
    const std::size_t end = head.find(kEnd);
    const std::string_view line = head.substr(0, end);
    if (line.find_first_of(kEnd) != std::string_view::npos) return bad("lines must end with CR LF, and hold neither");
    if (line.empty()) return bad("an empty line stands inside the request head");
    auto error = request_line ? check_request_line(line, limits, out) : check_field(line, limits, out);
    if (error) return error;
    request_line = false;
    head.remove_prefix(end + kEnd.size());
  }
  if (request_line) return bad("the request line is missing");
  for (const std::string_view name : kSingletons) {
    if (out.count(name) > 1) return bad("the " + std::string(name) + " header is repeated");
  }
  if (auto error = check_host(out)) return error;
  return check_framing(out, limits);
}

/// Poco decodes words of RFC 2047 in values, which HTTP does not have, and drops the rest of a value that only looks
/// like one. So it never sees their beginning.
std::string without_encoded_words(std::string_view text) {
  std::string out(text);
  for (std::size_t at = 0; (at = out.find("=?", at)) != std::string::npos; ++at) out[at + 1] = '=';
  return out;
}

/// Poco reads the head, and must have found what the check found: no request passes that two readers see differently.
Verdict read_with_poco(std::string_view head, const Slices& slices, HttpRequest& out) {
  const std::size_t fields_at = head.find(kEnd);
  const std::string text = std::string(head.substr(0, fields_at)) + without_encoded_words(head.substr(fields_at));
  Poco::Net::HTTPRequest request;
  request.setFieldLimit(100);
  try {
    Poco::MemoryInputStream stream(text.data(), static_cast<std::streamsize>(text.size()));
    request.read(stream);
  } catch (const std::exception&) {
    return bad("the request head can't be read");
  }
  bool agreed = request.getMethod() == slices.method && request.getURI() == slices.target &&
                request.size() == slices.fields.size();
  for (const Field& field : slices.fields) {
    agreed = agreed && std::any_of(request.begin(), request.end(), [&](const auto& read) {
               return read.first == field.name && trim_ows(read.second) == without_encoded_words(field.value);
             });
    out.headers.emplace_back(field.name, field.value);
  }
  if (!agreed) return bad("the request head can be read in more than one way");
  out.method = request.getMethod();
  out.target = request.getURI();
  return std::nullopt;
}

bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

Verdict read_path(std::string_view raw, HttpRequest& out) {
  auto path = percent_decode(raw, false);
  if (!path) return bad("the path has a bad percent escape");
  const auto slashes = [](std::string_view text) { return std::count(text.begin(), text.end(), '/'); };
  const bool hidden = slashes(*path) != slashes(raw) || path->find('\\') != std::string::npos;
  if (hidden || has_dot_segment(*path)) return bad("the path has dot segments, backslashes or encoded slashes");
  out.path = std::move(*path);
  return std::nullopt;
}

Verdict read_query(std::string_view raw, const HttpLimits& limits, HttpRequest& out) {
  while (!raw.empty()) {
    const std::size_t end = std::min(raw.find('&'), raw.size());
    const std::string_view pair = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (pair.empty()) continue;
    if (out.query.size() >= limits.parameters) return HttpError{414, "too many query parameters"};
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto key = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!key || !value) return bad("the query has a bad percent escape");
    out.query.emplace_back(std::move(*key), std::move(*value));
  }
  return std::nullopt;
}

/// True if any field of that name lists `token`.
bool lists(const Slices& slices, std::string_view name, std::string_view token) {
  return std::any_of(slices.fields.begin(), slices.fields.end(),
                     [&](const Field& f) { return iequals(f.name, name) && list_contains(f.value, token); });
}

void read_meaning(const Slices& slices, HttpRequest& out) {
  out.version_minor = slices.version_minor;
  out.chunked = slices.find("Transfer-Encoding") != nullptr;
  if (const Field* length = slices.find("Content-Length")) {
    std::uint64_t value = 0;
    std::from_chars(length->value.data(), length->value.data() + length->value.size(), value);
    out.content_length = value;
  }
  const bool close = lists(slices, "Connection", "close");
  out.keep_alive = !close && (slices.version_minor == 1 || lists(slices, "Connection", "keep-alive"));
  out.wants_websocket_upgrade = lists(slices, "Upgrade", "websocket");
}

}  // namespace

HeadSearch find_head(std::string_view buffer, const HttpLimits& limits, std::size_t scanned) {
  const std::string_view looked_at = buffer.substr(0, limits.head);
  // Back over what may be the first part of the end, and over a carriage return.
  std::size_t at = std::min(scanned, looked_at.size());
  at -= std::min<std::size_t>(at, 3);
  for (; (at = looked_at.find('\n', at)) != std::string_view::npos; ++at) {
    if (at == 0 || looked_at[at - 1] != '\r') {
      return {HeadSearch::State::kBad, 0, bad("lines must end with CR LF")};
    }
    if (at >= 3 && looked_at.substr(at - 3, 4) == "\r\n\r\n") return {HeadSearch::State::kComplete, at + 1, {}};
  }
  if (buffer.size() >= limits.head) {
    return {HeadSearch::State::kBad, 0, {431, "the request head is too large"}};
  }
  return {};
}

std::variant<HttpRequest, HttpError> read_head(std::string_view head, const HttpLimits& limits) {
  // RFC 9112, 2.2: some clients send an empty line behind a body.
  if (head.starts_with("\r\n")) head.remove_prefix(2);
  Slices slices;
  if (auto error = check(head, limits, slices)) return std::move(*error);
  HttpRequest request;
  if (auto error = read_with_poco(head, slices, request)) return std::move(*error);
  read_meaning(slices, request);
  if (slices.target == "*") {
    request.path = "*";
    return request;
  }
  const std::size_t question = std::min(slices.target.find('?'), slices.target.size());
  if (auto error = read_path(slices.target.substr(0, question), request)) return std::move(*error);
  const std::string_view query = slices.target.substr(std::min(question + 1, slices.target.size()));
  if (auto error = read_query(query, limits, request)) return std::move(*error);
  return request;
}

}  // namespace pillard::wire
