#include "observe/health.h"

#include <fmt/format.h>
#include <exception>

#include "pillard/json.h"

namespace pillard::observe {
namespace {

void append_check(std::string& json, std::string_view name, const Check& check) {
  if (json.back() != '{') json += ',';
  json::append_string(json, name);
  json += check.ok ? ":{\"ok\":true" : ":{\"ok\":false";
  if (!check.detail.empty()) {
    json += ",\"detail\":";
    json::append_string(json, check.detail);
  }
  json += '}';
}

Check run(Function<Check()>& probe) {
  try {
    return probe();
  } catch (const std::exception&) {
    return {false, "the check itself failed"};
  }
}

}  // namespace

void Health::add(std::string name, Bearing bearing, Function<Check()> probe) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) { return entry.name == name; });
  entries_.push_back({std::move(name), bearing, std::move(probe)});
}

void Health::remove(std::string_view name) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) { return entry.name == name; });
}

HealthReport Health::alive() const { return report(true); }
HealthReport Health::ready() const { return report(false); }

HealthReport Health::report(bool only_alive) const {
  std::string checks = "{";
  bool ok = true;
  if (!only_alive && draining_.load(std::memory_order_relaxed)) {
    ok = false;
    append_check(checks, "draining", {false, "shutting down"});
  }
  {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries_) {
      if (only_alive && entry.bearing != Bearing::kAlive) continue;
      const auto check = run(entry.probe);
      ok = ok && check.ok;
      append_check(checks, entry.name, check);
    }
  }
  return {ok, ok ? 200 : 503, fmt::format(R"({{"status":"{}","checks":{}}}}})", ok ? "ok" : "failing", checks)};
}

}  // namespace pillard::observe
