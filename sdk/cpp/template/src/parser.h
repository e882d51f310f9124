#pragma once
// What the node prints, as structs. Pure: text in, values out.
#include <cstdint>
#include <optional>
#include <string_view>

#include "pillard/fields.h"

namespace my_monitor {

/// How busy a node is: one event of the stream.
struct Load {
  double one = 0;  // tasks that run or want to, averaged over the last minute
  double five = 0;
  double fifteen = 0;
  std::int64_t tasks = 0;  // that there are
  PILLARD_FIELDS(Load, PILLARD_FIELD(one), PILLARD_FIELD(five), PILLARD_FIELD(fifteen), PILLARD_FIELD(tasks))
};

/// Reads /proc/loadavg: "0.42 0.31 0.28 1/213 4711". Nothing for anything else.
std::optional<Load> parse_load(std::string_view text);

}  // namespace my_monitor
