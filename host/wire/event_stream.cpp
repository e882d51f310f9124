#include "wire/event_stream.h"

#include <algorithm>

namespace pillard::wire::event_stream {

namespace {
bool fits_a_header(std::string_view id) {
  constexpr std::size_t kMost = 1024;
  return !id.empty() && id.size() <= kMost &&
         std::none_of(id.begin(), id.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}
}  // namespace

void append(std::string& out, std::string_view event, std::string_view data, std::string_view id) {
  if (fits_a_header(id)) out.append("id: ").append(id).append("\n");
  out.append("event: ").append(event).append("\n");
  for (;;) {
    const auto end = std::min(data.find_first_of("\r\n"), data.size());
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == data.size()) break;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  out += '\n';
}

}  // namespace pillard::wire::event_stream
