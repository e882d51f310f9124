#pragma once
// The small grammar that HTTP's parts share (RFC 9110, 5.6).
#include <optional>
#include <string>
#include <string_view>

namespace pillard::wire {

/// A non-empty run of tchar.
bool is_token(std::string_view text) noexcept;
/// What a field value may hold: visible characters, space, tab and bytes from 0x80. No other control characters.
bool is_field_value(std::string_view text) noexcept;
/// ASCII case-insensitive.
bool iequals(std::string_view a, std::string_view b) noexcept;
/// Without spaces and tabs at either end.
std::string_view trim_ows(std::string_view text) noexcept;
/// True if the comma-separated `list` holds `token`, ASCII case-insensitive.
bool list_contains(std::string_view list, std::string_view token) noexcept;

/// Undoes percent encoding. Empty for a malformed escape, for control characters and for what is then not UTF-8.
/// `plus_is_space` as in a query written by a form.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace pillard::wire
