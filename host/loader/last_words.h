#pragma once
#include "observe/log.h"

namespace pillard::loader {

/// As long as it lives: when an exception ends the process (one that leaves a destructor, a noexcept function or a
/// thread of a plugin's own), the last line of the log names the plugin whose code ran on that thread, and what was
/// thrown. [main] One at a time.
class LastWords {
 public:
  explicit LastWords(observe::Log& log) noexcept;
  LastWords(const LastWords&) = delete;
  ~LastWords();
};

}  // namespace pillard::loader
