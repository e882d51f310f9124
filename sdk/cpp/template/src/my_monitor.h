#pragma once
#include <cstdint>
#include <memory>

#include "parser.h"
#include "pillard/pillard.h"

namespace my_monitor {

/// From the configuration. Never changes after setup.
struct Settings {
  pillard::Milliseconds timeout{5'000};  // for the node's answer
};

/// [setup] Mistakes are noted in `config`.
Settings read_settings(const pillard::Config& config);

/// What a client asks for.
struct Query {
  std::int64_t interval = 10'000;
  PILLARD_FIELDS(Query, PILLARD_FIELD(interval, {.min = 1'000,
                                                 .max = 60'000,
                                                 .clamp = true,
                                                 .pace = true,
                                                 .about = "Milliseconds between two looks at the node."}))
};

/// Looks at the node at once, and then again when an interval has passed since the last answer: looks never overlap.
class Monitor final : public pillard::Source {
 public:
  using Event = Load;
  Monitor(pillard::Context& context, std::shared_ptr<const Settings> settings, const Query& query);
  /// The most impatient subscriber now asks for this interval; it counts from the last answer.
  void retune(const Query& query);

 private:
  void look();
  void seen(const pillard::Exit& exit);
  void schedule();

  pillard::Context& context_;
  std::shared_ptr<const Settings> settings_;
  pillard::Milliseconds interval_;
  std::int64_t seen_at_ = 0;  // unix ms
  pillard::Handle running_;   // Handles last: they go first, and their callbacks use all of the above
  pillard::Handle next_;
};

}  // namespace my_monitor
