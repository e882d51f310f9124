#include "pillard/registrar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "utf8.h"

namespace pillard {

namespace {
/// Names that mean something to the protocols themselves.
constexpr std::array<std::string_view, 11> kReserved{"auth",          "authenticate", "authenticated", "connect",
                                                     "connect_error", "disconnect",   "disconnecting", "error",
                                                     "grant",         "subscribe",    "unsubscribe"};

void check_name(const char* what, std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), allowed))
    throw std::invalid_argument(fmt::format("{}: expected a name of 1 to 64 characters from a-z, 0-9 and _, got \"{}\"",
                                            what, detail::excerpt(name, 64)));
  if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end())
    throw std::invalid_argument(fmt::format("{}: \"{}\" is a name of the protocol", what, name));
}

void check_range(std::string_view of, const char* what, std::int64_t value, std::int64_t min, std::int64_t max) {
  if (value < min || value > max)
    throw std::invalid_argument(
        fmt::format("{}: {}: expected a value from {} to {}, got {}", of, what, min, max, value));
}
}  // namespace

StreamType::StreamType(StreamOptions options, Schema params, std::string event)
    : options_(std::move(options)), params_(std::move(params)), event_(std::move(event)) {
  check_name("subscribe", options_.subscribe);
  check_name("unsubscribe", options_.unsubscribe);
  check_name("event", options_.event);
  if (options_.gap.empty()) options_.gap = "stream_gap";
  check_name("gap", options_.gap);
  if (!options_.batch.empty()) check_name("batch", options_.batch);
  if (options_.subscribe == options_.unsubscribe || options_.subscribe == options_.event ||
      options_.unsubscribe == options_.event)
    throw std::invalid_argument(
        fmt::format("{}: subscribe, unsubscribe and event need names of their own", options_.subscribe));
  const auto replay = static_cast<std::int64_t>(std::min<std::size_t>(options_.replay, 1'000'000));
  check_range(options_.subscribe, "replay", replay, 0, 10'000);
  check_range(options_.subscribe, "linger", options_.linger.count(), 0, 60'000);
}

CallType::CallType(CallOptions options, Schema params, std::string response)
    : options_(std::move(options)), params_(std::move(params)), response_(std::move(response)) {
  check_name("name", options_.name);
  check_range(options_.name, "timeout", options_.timeout.count(), 1, 600'000);
}

}  // namespace pillard
