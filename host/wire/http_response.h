#pragma once
// HTTP/1.1 answers as one string.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pillard::wire {

struct HttpResponse {
  int status = 200;                                               // 100-599
  std::string reason = {};                                        // empty: the standard phrase
  std::vector<std::pair<std::string, std::string>> headers = {};  // without those that the encoder writes itself
  std::string body = {};
  bool keep_alive = true;   // else Connection: close
  bool head_only = false;   // answers HEAD: tells the length, leaves the body out
  bool open_ended = false;  // no Content-Length: the body ends with the connection
};

/// [any] The whole answer. 1xx, 204 and 304 have neither body nor Content-Length. Throws std::invalid_argument for a
/// status out of range, a name that is no token, a value or reason with control characters (so nothing that a client
/// sent can split an answer), and for the fields that it writes itself:
/// Content-Length, Connection and Transfer-Encoding.
std::string encode_response(const HttpResponse& response);

/// [any] "Not Found" for 404; "Unknown" for what has no phrase here.
std::string_view standard_reason(int status);

}  // namespace pillard::wire
