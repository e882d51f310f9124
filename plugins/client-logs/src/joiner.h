#pragma once
#include <cstdint>
#include <vector>

#include "journal_export.h"

namespace client_logs {

/// Makes whole lines of what journald took apart: it hands a line over its LineMax (48 KiB) on in parts, each an entry
/// of its own, with other entries between them. Parts of one standard output are joined until one comes that is the
/// last, up to kMaxLine bytes; then a new line begins.
class Joiner {
 public:
  /// Whether `entry` has nothing to do with any part: it need not be added.
  bool passes(const Entry& entry) const noexcept { return held_.empty() && !entry.is_part; }

  /// Takes an entry and returns the lines that are whole now. A joined one has the time and priority of its first part
  /// and the cursor of its last one.
  std::vector<Entry> add(Entry entry, std::int64_t now_ms);

  bool holding() const noexcept { return !held_.empty(); }

  /// Returns what has waited for its next part since `before_ms` or longer.
  std::vector<Entry> flush(std::int64_t before_ms);

 private:
  static constexpr std::size_t kMaxHeld = 8;  // lines at once; then the oldest one goes on as it is
  struct Held {
    Entry line;
    std::int64_t since_ms;  // its last part
  };
  std::vector<Held> held_;  // oldest first
};

}  // namespace client_logs
