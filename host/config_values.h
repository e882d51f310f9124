#pragma once
// Values as the readers of the configuration's sections take them: bounded, chosen among names, and refused in words.
#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config.h"

namespace pillard::config {

/// For messages: short, and on one line.
std::string in_quotes(std::string_view value);
/// Whether it is made of a-z, 0-9 and the characters of `extra`.
bool only(std::string_view text, std::string_view extra);
/// Decimal digits and nothing else, `max` at most.
std::optional<unsigned> number(std::string_view text, unsigned max);

std::chrono::milliseconds duration(const Config& config, const std::string& key, std::chrono::milliseconds fallback,
                                   std::int64_t min, std::int64_t max);
std::size_t size(const Config& config, const std::string& key, std::size_t fallback, std::int64_t min,
                 std::int64_t max);
/// A relative path is relative to `base`.
std::filesystem::path path_of(const Config& config, const std::string& key, const std::filesystem::path& fallback,
                              const std::filesystem::path& base);
/// Each is valid_network(), or one of `words`; what is not is refused.
std::vector<std::string> networks(const Config& config, const std::string& key,
                                  std::initializer_list<std::string_view> words = {});

template <class T>
using Choices = std::initializer_list<std::pair<std::string_view, T>>;

/// A choice among names; the first one is the default.
template <class T>
T choose(const Config& config, const std::string& key, Choices<T> choices) {
  const auto value = config.text(key, choices.begin()->first);
  std::string names;
  for (const auto& [name, choice] : choices) {
    if (value == name) return choice;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  config.reject(key, in_quotes(value) + " is none of: " + names);
  return choices.begin()->second;
}

// What clients reach, in config_server.cpp.
Server read_server(const Config& config, bool port_replaced, bool tls);
Tls read_tls(const Config& config, const std::filesystem::path& base);
/// What is allowed and hardly meant.
void warn_of_server(const Settings& settings, std::vector<std::string>& warnings);
Admin read_admin(const Config& config, const Server& server);
Limits read_limits(const Config& config);
/// Puts another port into each TCP address of server.listen; one that is wrong stays, to be named as the mistake it is.
void replace_ports(Config& config, const std::string& port, const std::string& origin);

}  // namespace pillard::config
