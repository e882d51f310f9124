// `systemctl show` and the journal's tail, as service-control reads them: each property is one that stands in the
// output, and each line is of one piece.
#include "unit_state.h"

#include <algorithm>

#include "fuzz/fuzz.h"

namespace pillard::fuzz {

void run(std::string_view input) {
  const auto state = service_control::parse_state(input);
  FUZZ_REQUIRE(state.restarts >= 0);
  const std::pair<std::string_view, const std::string&> properties[] = {
      {"Id=", state.id},        {"LoadState=", state.load}, {"ActiveState=", state.active},
      {"SubState=", state.sub}, {"Result=", state.result},  {"UnitFileState=", state.file}};
  for (const auto& [key, value] : properties)
    FUZZ_REQUIRE(value.empty() || input.find(std::string(key) + value) != std::string_view::npos);
  FUZZ_REQUIRE(!(state.missing() && state.died()) || state.sub.starts_with("auto-restart"));

  const auto lines = service_control::lines_of(input);
  FUZZ_REQUIRE(lines.size() <= static_cast<std::size_t>(std::count(input.begin(), input.end(), '\n')) + 1);
  for (const auto& line : lines) FUZZ_REQUIRE(!line.empty() && line.find('\n') == std::string::npos);
}

}  // namespace pillard::fuzz
