// `systemctl show`: any bytes give units that have a name; two outputs, one behind the other, give the units of both.
#include "fuzz/fuzz.h"
#include "unit_show.h"

namespace pillard::fuzz {

namespace {

using node_status::Unit;

constexpr std::int64_t kYear10000 = 253'402'300'801'000;  // ms, with a leap second

void check(const Unit& unit) {
  FUZZ_REQUIRE(!unit.id.empty());
  FUZZ_REQUIRE(unit.answers_to(unit.id));
  FUZZ_REQUIRE(unit.load.size() <= 64 && unit.active.size() <= 64 && unit.sub.size() <= 64);
  FUZZ_REQUIRE(unit.description.size() <= 1024);
  FUZZ_REQUIRE(!unit.since || (*unit.since >= 0 && *unit.since < kYear10000));
}

bool same(const Unit& a, const Unit& b) {
  return a.id == b.id && a.names == b.names && a.load == b.load && a.active == b.active && a.sub == b.sub &&
         a.description == b.description && a.since == b.since && a.restarts == b.restarts && a.memory == b.memory &&
         a.pid == b.pid;
}

}  // namespace

void run(std::string_view input) {
  const auto units = node_status::parse_units(input);
  for (const auto& unit : units) check(unit);
  if (const auto empty = input.find("\n\n"); empty != std::string_view::npos) {
    auto parts = node_status::parse_units(input.substr(0, empty + 1));
    for (auto& unit : node_status::parse_units(input.substr(empty + 2))) parts.push_back(std::move(unit));
    FUZZ_REQUIRE(std::equal(units.begin(), units.end(), parts.begin(), parts.end(), same));
  }
  while (!input.empty()) {
    auto value = take_until(input, '\n');
    take_until(value, '=');
    const auto at = node_status::parse_timestamp(value);
    FUZZ_REQUIRE(!at || (*at >= 0 && *at < kYear10000));
  }
}

}  // namespace pillard::fuzz
