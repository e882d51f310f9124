#pragma once
#include <array>
#include <string_view>

namespace pillard::config {

/// Who speaks in the log: the folders of host/, those above them, and `plugin` for what plugins say themselves.
inline constexpr std::array<std::string_view, 12> kStages{"config",  "daemon", "fanout",    "loader",
                                                          "observe", "plugin", "reactor",   "router",
                                                          "session", "ssh",    "transport", "wire"};

}  // namespace pillard::config
