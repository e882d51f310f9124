#include "unit_state.h"

#include <algorithm>
#include <charconv>

namespace service_control {

namespace {
/// Takes the first line off `text`, without its end.
std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}
}  // namespace

const char* const kProperties = "Id,LoadState,ActiveState,SubState,Result,UnitFileState,NRestarts";

bool UnitState::died() const noexcept { return active == "failed" || sub.starts_with("auto-restart"); }

UnitState parse_state(std::string_view output) {
  UnitState state;
  while (!output.empty()) {
    const auto line = take_line(output);
    const auto equals = std::min(line.find('='), line.size());
    const auto key = line.substr(0, equals);
    const auto value = line.substr(std::min(equals + 1, line.size()));
    if (key == "Id") state.id = value;
    if (key == "LoadState") state.load = value;
    if (key == "ActiveState") state.active = value;
    if (key == "SubState") state.sub = value;
    if (key == "Result") state.result = value;
    if (key == "UnitFileState") state.file = value;
    if (key == "NRestarts") {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error == std::errc{} && end == value.data() + value.size() && number >= 0) state.restarts = number;
    }
  }
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
