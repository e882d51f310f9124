#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "joiner.h"
#include "journal_export.h"
#include "pillard/pillard.h"

namespace client_logs {

/// From the configuration. Never changes after setup.
struct Settings {
  std::int64_t lines = 50;         // of history, for a subscriber without a cursor
  std::vector<std::string> units;  // full names of those whose logs are offered; empty: any
};

/// [setup] Mistakes are noted in `config`.
Settings read_settings(const pillard::Config& config);

struct LogQuery {
  std::string service;  // "execution"; after check() without ".service"
  std::string cursor;   // of the last line that the client has: the host brings it up to the others
  /// Throws Error(bad_request) when they are no unit name and no cursor.
  void check();
  PILLARD_FIELDS(
      LogQuery,
      PILLARD_FIELD(
          service, {.required = true, .max_length = 255, .about = "Name of a systemd unit; .service may be left out."}),
      PILLARD_FIELD(
          cursor, {.resume = true,
                   .max_length = 255,
                   .about = "Of the last line that the client has: it gets what came behind instead of the history."}))
};

/// A `log_data`.
struct LogLine {
  std::string_view service;
  std::string_view line;
  std::int64_t timestamp = 0;  // ms since 1970, when journald got it
  int priority = 6;            // 0 (emergency) to 7 (debug)
  std::string_view cursor;
  PILLARD_FIELDS(
      LogLine,
      PILLARD_FIELD(service, {.about = "The unit's name as asked for, without .service; an alias is followed to its "
                                       "unit."}),
      PILLARD_FIELD(line, {.max_length = 1 << 20, .about = "The text as journald has it."}),
      PILLARD_FIELD(timestamp, {.about = "When journald got it, in ms since 1970."}),
      PILLARD_FIELD(priority,
                    {.min = 0, .max = 7, .about = "As in syslog: 0 emergency, 3 error, 4 warning, 6 info, 7 debug."}),
      PILLARD_FIELD(cursor, {.about = "Names the line; give it back to resume behind it."}))
};

/// Why journalctl ended, in words for the person at the dashboard. A reader that just ended is `disconnected`, so that
/// the host starts it again.
pillard::Error explain(const pillard::Exit& exit, std::string_view service, bool with_sudo);

/// Reads a unit's journal in three steps. What may be read: does the unit exist, and is the journal readable, or is
/// sudo needed? The history: the newest lines, or all behind the cursor. Then what comes, behind the last line of the
/// history. (In one step it would be wrong: from systemd 250 on, `journalctl --follow` passes over what was logged
/// before the last boot, and a node that was rebooted during a cut would lose lines.)
class LogSource final : public pillard::Source {
 public:
  using Event = LogLine;
  LogSource(pillard::Context& context, std::shared_ptr<const Settings> settings, const LogQuery& query);

 private:
  enum class Step { kAccess, kHistory, kFollow };

  void ask_state();
  void state_known(const pillard::Exit& exit);
  void ask_access();
  void access_known(const pillard::Exit& exit);

  void read_history();
  void history_read(const pillard::Exit& exit);
  void follow();
  void read(std::vector<std::string> options, pillard::Function<void(pillard::Exit)> done);
  void take(std::string_view piece);
  void take(Entry& entry);
  void say_gap();
  void say_removed();

  void publish(const Entry& entry);
  void publish(std::vector<Entry> lines);
  void flush_later();

  pillard::Context& context_;
  std::shared_ptr<const Settings> settings_;
  std::string service_;
  std::string unit_;  // as the journal knows it
  std::string last_;  // cursor of the newest entry that was read, or that the client has

  Step step_ = Step::kAccess;
  bool state_known_ = false;
  bool installed_ = true;
  bool access_known_ = false;
  bool with_sudo_ = false;
  bool expects_last_ = false;  // the next entry should be the one at last_, which is known
  bool read_any_ = false;
  std::int64_t published_ = 0;  // lines, not counted yet

  ExportParser parser_;
  Joiner joiner_;
  std::string cut_line_;
  pillard::Handle state_;
  pillard::Handle access_;
  pillard::Handle journal_;
  pillard::Handle flush_;
  pillard::Handle check_;
};

}  // namespace client_logs
