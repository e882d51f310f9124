#pragma once
// Server-Sent Events, as the HTML standard has them.
#include <string>
#include <string_view>

namespace pillard::wire::event_stream {

/// A line that says nothing: keeps proxies and clients from taking a silent stream for a dead one.
inline constexpr std::string_view kHeartbeat = ":\n\n";

/// [any] Appends one event, one `data:` for each line of `data`, whichever of the three ends it has. `event` has no
/// line breaks. An `id` that could not be given back in a header (with control characters, or longer than 1024 bytes)
/// is left out.
void append(std::string& out, std::string_view event, std::string_view data, std::string_view id);

}  // namespace pillard::wire::event_stream
