#include "control.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace service_control {

using pillard::Code;
using pillard::Error;
using pillard::Exit;
using pillard::first_line;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMaxShown = 16 * 1024;  // bytes of what systemctl printed
constexpr auto kJournalLines = "--lines=20";

std::string shown(const Exit& exit) {
  std::string text = exit.out + exit.err;
  text.resize(std::min(text.find_last_not_of(" \n") + 1, kMaxShown));
  return text;
}

const char* past_tense(Action action) {
  switch (action) {
    case Action::kStart: return "started";
    case Action::kStop: return "stopped";
    case Action::kRestart: return "restarted";
    case Action::kEnable: return "enabled";
    case Action::kDisable: break;
  }
  return "disabled";
}

bool starts(Action action) { return action == Action::kStart || action == Action::kRestart; }

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

Error not_offered(const std::string& service, const std::string& action, const std::vector<Action>& offered) {
  std::string list;
  for (const auto one : offered) list.append(list.empty() ? "" : ", ").append(pillard::word_of(one));
  return {Code::kAccessDenied,
          action + " is not offered for " + service + " here; what is: " + (list.empty() ? "nothing" : list) + "."};
}

/// The unit is one of the list: nothing in it needs to be escaped for sudoers.
Error denied(const std::string& service, const std::string& unit, const std::string& action) {
  return {Code::kAccessDenied,
          "This user may not " + action + " " + service +
              " on this node: let sudo do just that without a password (visudo -f /etc/sudoers.d/pillard: USER "
              "ALL=(root) NOPASSWD: /usr/bin/systemctl --no-ask-password " +
              action + " -- " + unit + ")."};
}

}  // namespace

void ControlRequest::check() { service = pillard::service_of_unit(pillard::unit_of_service(service)); }

ControlCall::ControlCall(pillard::CallContext& context, std::shared_ptr<const Settings> settings,
                         const ControlRequest& request)
    : context_(context),
      settings_(std::move(settings)),
      service_(request.service),
      unit_(pillard::unit_of_service(request.service)),
      action_(request.action),
      word_(pillard::word_of(request.action)),
      runner_(context.node()) {
  told_.service = service_;
  told_.action = action_;
  context_.audit({.action = word_, .object = unit_});
  const auto& offered = settings_->allowed(unit_, service_);
  if (std::find(offered.begin(), offered.end(), action_) == offered.end()) throw not_offered(service_, word_, offered);
  act();
}

void ControlCall::act() {
  context_.count("actions");
  runner_.run({.argv = {"systemctl", "--no-ask-password", word_, "--", unit_}, .timeout = kActionTimeout},
              [this](const Exit& exit) { acted(exit); });
}

void ControlCall::acted(const Exit& exit) {
  if (exit.timed_out)
    return context_.fail({Code::kTimeout, "The node still works at this after 9.5 minutes (" + word_ + " " + service_ +
                                              "), and goes on with it: watch the state of the service."});
  if (runner_.refused(exit)) return context_.fail(denied(service_, unit_, word_));
  if (exit.status == 127)
    return context_.fail({Code::kUnsupported, "This node has no systemctl: it cannot control " + service_ + "."});
  ran_well_ = exit.ok();
  told_.exit_status = exit.status;
  told_.command = runner_.command_line();
  told_.output = shown(exit);
  note_result();
  look();
}

void ControlCall::look() {
  look_ = context_.node().exec({.argv = {"env", "LC_ALL=C", "systemctl", "show", "--no-pager",
                                         std::string("--property=") + kProperties, "--", unit_}},
                               [this](const Exit& exit) { seen(exit); });
}

void ControlCall::seen(const Exit& exit) {
  const auto restarts_before = state_.restarts;
  state_ = exit.ok() ? parse_state(exit.out) : UnitState{};
  if (!ran_well_) {
    if (!exit.ok() && !exit.timed_out)
      return context_.fail({Code::kUnsupported, "The node's systemd cannot be asked about " + service_ + ": " +
                                                    first_line(told_.output.empty() ? exit.err : told_.output)});
    if (state_.missing()) return context_.fail({Code::kNotFound, "There is no service " + service_ + " on this node."});
  }
  told_.success = ran_well_;
  if (ran_well_ && starts(action_)) return judge_start(restarts_before);
  // systemctl succeeds where there was nothing that it could do: such a unit starts as it did before.
  const auto is = [this](std::initializer_list<std::string_view> files) {
    return state_.file.empty() || std::find(files.begin(), files.end(), state_.file) != files.end();
  };
  if (action_ == Action::kEnable) told_.success &= is({"enabled", "enabled-runtime", "alias"});
  if (action_ == Action::kDisable) told_.success &= is({"disabled"});
  finish();
}

/// A program that ends at once was started well, says systemctl, and so was a unit that a condition kept from starting.
/// What becomes of it in the next moment tells: it runs, or did its work; or it has ended, is about to, or was started
/// again meanwhile.
void ControlCall::judge_start(std::int64_t restarts_before) {
  if (state_.active.empty()) return finish();  // the node did not tell: it is as systemctl says
  const bool over = state_.died() || state_.active == "inactive" || looked_before_;
  if (over) {
    told_.success = state_.runs() && !(looked_before_ && state_.restarts > restarts_before);
    return finish();
  }
  looked_before_ = true;
  settle_ = context_.after(kSettle, [this] { look(); });
}

void ControlCall::read_journal() {
  const auto& unit = pillard::valid_unit_name(state_.id) ? state_.id : unit_;  // the journal knows no alias
  runner_.run({.argv = {"journalctl", "--no-pager", "--quiet", kJournalLines, "--output=short-iso", "--no-hostname",
                        "--unit=" + unit}},
              [this](const Exit& exit) { journal_read(exit); });
}

void ControlCall::journal_read(const Exit& exit) {
  if (runner_.with_sudo() && pillard::refused_by_sudo(exit) && !std::exchange(journal_without_sudo_, true)) {
    runner_.without_sudo();  // it may be in the group that reads the journal
    return read_journal();
  }
  if (exit.ok()) told_.journal = lines_of(exit.out);
  reply();
}

void ControlCall::finish() {
  const bool runs_programs = action_ != Action::kEnable && action_ != Action::kDisable;
  if (!told_.success && runs_programs) return read_journal();
  reply();
}

void ControlCall::reply() {
  if (!told_.success) context_.count("failures");
  told_.state = unless_empty(state_.active);
  told_.sub = unless_empty(state_.sub);
  told_.result = unless_empty(state_.result);
  told_.enabled = unless_empty(state_.file);
  told_.message = sentence();
  note_result();
  context_.reply(told_);
}

std::string ControlCall::sentence() const {
  if (told_.success) return service_ + " was " + past_tense(action_) + ".";
  if (!ran_well_)
    return service_ + " could not be " + past_tense(action_) +
           (told_.output.empty() ? "." : ": " + first_line(told_.output));
  if (action_ == Action::kEnable && state_.file == "static")
    return service_ + " cannot be enabled: its unit file has no [Install] section.";
  if (action_ == Action::kEnable || action_ == Action::kDisable)
    return service_ + " was not " + past_tense(action_) + ": its unit file is " + state_.file + ".";
  if (state_.skipped) return service_ + " was not started: a condition of its unit is not met.";
  return service_ + " was " + past_tense(action_) + ", and its program ended at once (" +
         (state_.result.empty() || state_.result == "success" ? state_.sub : state_.result) + ").";
}

/// As far as it is known: the caller may leave at any time.
void ControlCall::note_result() {
  auto result = "exit " + std::to_string(told_.exit_status);
  const auto& word = action_ == Action::kEnable || action_ == Action::kDisable ? state_.file : state_.active;
  if (!word.empty()) result += ", " + word;
  if (!told_.success && !state_.result.empty() && state_.result != "success") result += " (" + state_.result + ")";
  context_.audit({.action = word_, .object = unit_, .result = result});
}

}  // namespace service_control
