// Answers: whatever stands in a name, a value or a reason, an answer is one head and the body, or refused.
#include <stdexcept>

#include "fuzz/fuzz.h"
#include "wire/http_response.h"
#include "wire/http_text.h"

namespace pillard::fuzz {

namespace {

std::size_t lines_of(std::string_view head) {
  return static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n'));
}

}  // namespace

/// The input: a line "flags status reason", then fields "name:value", NUL, and the body.
void run(std::string_view input) {
  auto head = take_until(input, '\0');
  auto first = take_until(head, '\n');
  if (first.size() < 3) return;
  const auto flags = static_cast<unsigned char>(first[0]);
  wire::HttpResponse response{.status = static_cast<unsigned char>(first[1]) * 4 + (flags & 3),
                              .reason = std::string(first.substr(2)),
                              .body = std::string(input),
                              .keep_alive = (flags & 4) != 0,
                              .head_only = (flags & 8) != 0,
                              .open_ended = (flags & 16) != 0};
  while (!head.empty()) {
    auto field = take_until(head, '\n');
    const auto name = take_until(field, ':');
    response.headers.emplace_back(name, field);
  }
  std::string text;
  try {
    text = wire::encode_response(response);
  } catch (const std::invalid_argument&) {
    return;
  }
  const std::size_t end = text.find("\r\n\r\n");
  FUZZ_REQUIRE(end != std::string::npos);
  const auto lines = lines_of(std::string_view(text).substr(0, end));
  FUZZ_REQUIRE(lines >= response.headers.size() && lines <= response.headers.size() + 2);
  const auto body = std::string_view(text).substr(end + 4);
  FUZZ_REQUIRE(body.empty() || body == response.body);
  FUZZ_REQUIRE(!response.head_only || body.empty());
}

}  // namespace pillard::fuzz
