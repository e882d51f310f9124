#include "pillard/unit.h"

#include <algorithm>
#include <array>

#include "pillard/fields.h"

namespace pillard {

namespace {
constexpr std::size_t kMaxName = 255;
constexpr std::array<std::string_view, 11> kSuffixes{"service", "socket", "device", "mount", "automount", "swap",
                                                     "target",  "path",   "timer",  "slice", "scope"};

bool has_known_suffix(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot != std::string_view::npos &&
         std::find(kSuffixes.begin(), kSuffixes.end(), name.substr(dot + 1)) != kSuffixes.end();
}

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(":-_.\\@").find(c) != std::string_view::npos;
}

/// "getty@.service": nothing between the first "@" and the suffix.
bool is_template(std::string_view name) {
  const std::size_t at = name.find('@');
  return at != std::string_view::npos && at + 1 == name.rfind('.');
}
}  // namespace

bool valid_unit_name(std::string_view name) noexcept {
  if (name.size() > kMaxName || !has_known_suffix(name)) return false;
  const std::string_view prefix = name.substr(0, name.rfind('.'));
  return !prefix.empty() && prefix.front() != '@' && std::all_of(prefix.begin(), prefix.end(), allowed);
}

std::string unit_of_service(std::string_view service, std::string_view where) {
  std::string unit(service);
  if (!has_known_suffix(unit)) unit += ".service";
  if (valid_unit_name(unit) && !is_template(unit) && unit.front() != '-') return unit;
  std::string raw;
  json::append_string(raw, service);
  detail::refuse(where, "the name of a systemd unit", raw);
}

std::string_view service_of_unit(std::string_view unit) noexcept {
  if (!unit.ends_with(".service")) return unit;
  const auto service = unit.substr(0, unit.size() - 8);
  return has_known_suffix(service) ? unit : service;
}

}  // namespace pillard
