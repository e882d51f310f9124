#pragma once
// Base64 with the standard alphabet and padding (RFC 4648, section 4).
#include <optional>
#include <string>
#include <string_view>

namespace pillard::wire {

void append_base64(std::string& out, std::string_view bytes);

/// Strict: no white space, padding as written by an encoder, unused bits zero. Empty for anything else.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace pillard::wire
