#pragma once
// What the node prints, as structs. Pure: text in, values out.
#include <cstdint>
#include <optional>
#include <string_view>

#include "pillard/fields.h"

namespace my_monitor {

/// How busy a node is: one event of the stream.
struct Load {
  double one = 0;
  double five = 0;
  double fifteen = 0;
  std::int64_t tasks = 0;
  PILLARD_FIELDS(Load, PILLARD_FIELD(one, {.about = "Tasks that run or want to, averaged over a minute."}),
                 PILLARD_FIELD(five, {.about = "Over five."}), PILLARD_FIELD(fifteen, {.about = "Over fifteen."}),
                 PILLARD_FIELD(tasks, {.about = "That there are."}))
};

/// Reads /proc/loadavg: "0.42 0.31 0.28 1/213 4711". Nothing for anything else.
std::optional<Load> parse_load(std::string_view text);

}  // namespace my_monitor
