#include "wire/http_response.h"

#include <algorithm>
#include <stdexcept>

#include "wire/http_text.h"

namespace pillard::wire {
namespace {

struct Phrase {
  int status;
  std::string_view words;
};
constexpr Phrase kPhrases[] = {{100, "Continue"},
                               {101, "Switching Protocols"},
                               {200, "OK"},
                               {204, "No Content"},
                               {301, "Moved Permanently"},
                               {302, "Found"},
                               {304, "Not Modified"},
                               {307, "Temporary Redirect"},
                               {308, "Permanent Redirect"},
                               {400, "Bad Request"},
                               {401, "Unauthorized"},
                               {403, "Forbidden"},
                               {404, "Not Found"},
                               {405, "Method Not Allowed"},
                               {408, "Request Timeout"},
                               {409, "Conflict"},
                               {411, "Length Required"},
                               {413, "Content Too Large"},
                               {414, "URI Too Long"},
                               {415, "Unsupported Media Type"},
                               {417, "Expectation Failed"},
                               {421, "Misdirected Request"},
                               {426, "Upgrade Required"},
                               {429, "Too Many Requests"},
                               {431, "Request Header Fields Too Large"},
                               {500, "Internal Server Error"},
                               {501, "Not Implemented"},
                               {502, "Bad Gateway"},
                               {503, "Service Unavailable"},
                               {504, "Gateway Timeout"},
                               {505, "HTTP Version Not Supported"}};

void check(const HttpResponse& response, std::string_view reason) {
  if (response.status < 100 || response.status > 599) throw std::invalid_argument("an HTTP status is out of range");
  if (!is_field_value(reason)) throw std::invalid_argument("an HTTP reason phrase has control characters");
  for (const auto& [name, value] : response.headers) {
    if (!is_token(name)) throw std::invalid_argument("the name of an HTTP header is not a token");
    if (!is_field_value(value)) throw std::invalid_argument("the value of header " + name + " has control characters");
    for (const std::string_view own : {"Content-Length", "Connection", "Transfer-Encoding"}) {
      if (iequals(name, own)) throw std::invalid_argument("header " + name + " is written by the encoder");
    }
  }
}

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

std::string_view standard_reason(int status) {
  const auto* found = std::find_if(std::begin(kPhrases), std::end(kPhrases),
                                   [status](const Phrase& phrase) { return phrase.status == status; });
  return found == std::end(kPhrases) ? "Unknown" : found->words;
}

std::string encode_response(const HttpResponse& response) {
  const std::string_view reason = response.reason.empty() ? standard_reason(response.status) : response.reason;
  check(response, reason);
  std::size_t size = 128 + reason.size() + response.body.size();
  for (const auto& [name, value] : response.headers) size += name.size() + value.size() + 4;
  std::string out;
  out.reserve(size);
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ").append(reason).append("\r\n");
  for (const auto& [name, value] : response.headers) out.append(name).append(": ").append(value).append("\r\n");
  const bool body = has_body(response.status);
  if (body && !response.open_ended) {
    out.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  }
  const bool keep_alive = response.keep_alive && !response.open_ended;
  if (response.status >= 200) out.append(keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
  out.append("\r\n");
  if (body && !response.head_only) out.append(response.body);
  return out;
}

}  // namespace pillard::wire
