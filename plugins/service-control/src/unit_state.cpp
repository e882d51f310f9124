#include "unit_state.h"

#include <algorithm>

#include "pillard/text.h"

namespace service_control {

using pillard::take_line;

const char* const kProperties =
    "Id,LoadState,ActiveState,SubState,Result,UnitFileState,NRestarts,Type,ConditionResult,ConditionTimestampMonotonic";

bool UnitState::died() const noexcept { return active == "failed" || sub.starts_with("auto-restart"); }

bool UnitState::runs() const noexcept {
  if (active == "inactive") return type == "oneshot" && (result.empty() || result == "success") && !skipped;
  return active == "active" || active == "reloading" || active == "refreshing";
}

UnitState parse_state(std::string_view output) {
  UnitState state;
  bool unmet = false;
  bool tested = false;  // a unit that was never started has not met its conditions either
  while (!output.empty()) {
    const auto [key, value] = pillard::to_property(take_line(output));
    if (key == "Id") state.id = value;
    if (key == "LoadState") state.load = value;
    if (key == "ActiveState") state.active = value;
    if (key == "SubState") state.sub = value;
    if (key == "Result") state.result = value;
    if (key == "UnitFileState") state.file = value;
    if (key == "NRestarts")
      state.restarts = std::max<std::int64_t>(0, pillard::to_number<std::int64_t>(value).value_or(0));
    if (key == "Type") state.type = value;
    if (key == "ConditionResult") unmet = value == "no";
    if (key == "ConditionTimestampMonotonic") tested = !value.empty() && value != "0";
  }
  state.skipped = unmet && tested;
  return state;
}

std::vector<std::string> lines_of(std::string_view output) {
  std::vector<std::string> lines;
  while (!output.empty()) {
    const auto line = take_line(output);
    if (!line.empty() && !(line.starts_with("-- ") && line.ends_with(" --"))) lines.emplace_back(line);
  }
  return lines;
}

}  // namespace service_control
