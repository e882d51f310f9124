#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pillard/pillard.h"
#include "settings.h"
#include "unit_state.h"

namespace service_control {

/// Of the whole call: the most there is. Ethereum clients are given minutes to stop.
inline constexpr pillard::Milliseconds kCallTimeout{600'000};
/// Of systemctl alone, so that there is time left to say how it came out.
inline constexpr pillard::Milliseconds kActionTimeout{570'000};
/// How long after a start the unit is looked at again: of most programs systemctl only tells that they were started.
inline constexpr pillard::Milliseconds kSettle{2'000};

struct ControlRequest {
  std::string service;  // "execution"; after check() without ".service"
  Action action = Action::kStart;
  /// Throws Error(bad_request) when `service` is no unit name.
  void check();
  PILLARD_FIELDS(ControlRequest,
                 PILLARD_FIELD(service, {.required = true,
                                         .max_length = 255,
                                         .about = "Name of a systemd unit; .service may be left out."}),
                 PILLARD_FIELD(action, {.required = true, .about = "What to do with it."}))
};

/// How an action came out that was carried out, or that systemd tried to.
struct ControlResult {
  std::string service;
  Action action = Action::kStart;
  bool success = false;
  std::int64_t exit_status = 0;        // of systemctl; -1: it was ended by a signal
  std::optional<std::string> state;    // systemd's ActiveState afterwards; nothing where the node did not tell
  std::optional<std::string> sub;      // SubState
  std::optional<std::string> result;   // Result: how its last run ended
  std::optional<std::string> enabled;  // UnitFileState
  std::string command;                 // as it was run on the node
  std::string output;                  // of systemctl
  std::vector<std::string> journal;    // the unit's newest lines, if the action failed
  std::string message;                 // for a person
  PILLARD_FIELDS(
      ControlResult, PILLARD_FIELD(service, {.about = "As asked for, without .service."}),
      PILLARD_FIELD(action, {.about = "As asked for."}),
      PILLARD_FIELD(success, {.about = "Whether it worked; of a start and a restart: whether the unit still runs 2 s "
                                       "later; of enable and disable: "
                                       "whether it is so then."}),
      PILLARD_FIELD(exit_status, {.min = -1, .max = 255, .about = "Of systemctl; -1: ended by a signal."}),
      PILLARD_FIELD(state, {.about = "The unit's ActiveState afterwards: active, inactive, failed, ..."}),
      PILLARD_FIELD(sub, {.about = "Its SubState: running, dead, auto-restart, ..."}),
      PILLARD_FIELD(result, {.about = "How its last run ended: success, exit-code, timeout, ..."}),
      PILLARD_FIELD(enabled, {.about = "Whether it starts at boot: enabled, disabled, static, ..."}),
      PILLARD_FIELD(command, {.about = "What was run on the node."}),
      PILLARD_FIELD(output, {.max_length = 16 * 1024, .about = "What systemctl printed."}),
      PILLARD_FIELD(
          journal,
          {.about = "If start, stop or restart failed: the unit's newest 20 lines, as far as the user may read them."}),
      PILLARD_FIELD(message, {.about = "The same in a sentence."}))
};

/// One action on one unit: refused by the list, or carried out, looked at, and told as it is. Whatever comes of it is
/// put on record.
class ControlCall final : public pillard::Call {
 public:
  using Response = ControlResult;
  ControlCall(pillard::CallContext& context, std::shared_ptr<const Settings> settings, const ControlRequest& request);

 private:
  void act();
  void acted(const pillard::Exit& exit);
  void look();
  void seen(const pillard::Exit& exit);
  void judge_start(std::int64_t restarts_before);
  void read_journal();
  void journal_read(const pillard::Exit& exit);
  void finish();
  void reply();
  std::string sentence() const;
  void note_result();

  pillard::CallContext& context_;
  const std::shared_ptr<const Settings> settings_;
  const std::string service_;
  const std::string unit_;
  const Action action_;
  const std::string word_;  // of the action

  ControlResult told_;
  UnitState state_;
  bool ran_well_ = false;       // systemctl said so
  bool looked_before_ = false;  // and the unit ran
  bool journal_without_sudo_ = false;
  pillard::SudoRunner runner_;
  pillard::Handle look_;
  pillard::Handle settle_;
};

}  // namespace service_control
