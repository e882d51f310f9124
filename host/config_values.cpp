#include "config_values.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace pillard::config {

std::string in_quotes(std::string_view value) {
  std::string out = "\"";
  for (const char c : value.substr(0, 64)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (value.size() > 64 ? "...\"" : "\"");
}

bool only(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || extra.find(c) != std::string_view::npos;
  });
}

std::optional<unsigned> number(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

std::chrono::milliseconds duration(const Config& config, const std::string& key, std::chrono::milliseconds fallback,
                                   std::int64_t min, std::int64_t max) {
  return std::chrono::milliseconds(config.integer(key, fallback.count(), min, max));
}

std::size_t size(const Config& config, const std::string& key, std::size_t fallback, std::int64_t min,
                 std::int64_t max) {
  return static_cast<std::size_t>(config.integer(key, static_cast<std::int64_t>(fallback), min, max));
}

std::filesystem::path path_of(const Config& config, const std::string& key, const std::filesystem::path& fallback,
                              const std::filesystem::path& base) {
  // An absolute right-hand side replaces the left one.
  return (base / config.text(key, fallback.native(), 1)).lexically_normal();
}

std::vector<std::string> networks(const Config& config, const std::string& key,
                                  std::initializer_list<std::string_view> words) {
  auto entries = config.list(key, {});
  for (const auto& value : entries) {
    if (valid_network(value) || std::find(words.begin(), words.end(), value) != words.end()) continue;
    std::string hint = " is no network; write 10.0.0.0/8, fd00::/8 or 192.0.2.7, with no bits set behind the prefix";
    for (const auto word : words) hint += ", or " + std::string(word);
    config.reject(key, in_quotes(value) + hint);
  }
  return entries;
}

}  // namespace pillard::config
