#pragma once
// UTF-8 and short quotations of what others sent, for messages. Private to the library.
#include <cstddef>
#include <string>
#include <string_view>

namespace pillard::detail {

/// Bytes of the well-formed character that `text` begins with, by table 3-7 of the Unicode standard; 0 if it begins
/// with none.
std::size_t utf8_length(std::string_view text) noexcept;

bool valid_utf8(std::string_view text) noexcept;

/// At most `max` bytes of `text` as they stand, "..." behind them when something was cut; never half a character or
/// half a JSON escape, and nothing that a terminal would obey: control characters and ill-formed bytes become "?".
std::string excerpt(std::string_view text, std::size_t max = 32);

}  // namespace pillard::detail
