#include "client_logs.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace client_logs {

using pillard::Code;
using pillard::Error;
using pillard::Exit;
using pillard::find_property;
using pillard::first_line;
using namespace std::chrono_literals;

namespace {

constexpr auto kPartsWait = 2s;    // for the next part of a line that journald took apart
constexpr auto kCheckEvery = 60s;  // whether the unit is still there
constexpr std::string_view kCursorCharacters = "abcdefghijklmnopqrstuvwxyz0123456789=;";

bool says(const Exit& exit, std::string_view words) { return exit.err.find(words) != std::string::npos; }

Error denied(std::string_view service) {
  return {Code::kAccessDenied, "This user cannot read the journal of " + std::string(service) +
                                   ": add it to the group systemd-journal (sudo usermod -aG systemd-journal $USER), "
                                   "then log in again."};
}

/// The boot that a cursor belongs to: "b=91ac...".
std::string_view boot_of(std::string_view cursor) {
  const auto begin = cursor.find(";b=");
  if (begin == std::string_view::npos) return {};
  return cursor.substr(begin + 1, cursor.find(';', begin + 1) - begin - 1);
}

/// One part of a cursor, such as "i=2a" for 'i', as a number; empty if it has none.
std::optional<std::uint64_t> part_of(std::string_view cursor, char name) {
  const char mark[] = {';', name, '=', 0};
  const auto begin = cursor.find(mark);
  if (begin == std::string_view::npos) return std::nullopt;
  const auto text = cursor.substr(begin + 3, cursor.find(';', begin + 1) - begin - 3);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Whether an entry stands where `last` stands in the journal, or before it. Numbers count within one journal; one that
/// was damaged may give a number twice, but not in the past.
bool repeats(std::string_view cursor, std::string_view last) {
  if (cursor == last) return true;
  if (cursor.substr(0, cursor.find(';')) != last.substr(0, last.find(';'))) return false;
  const auto number = part_of(cursor, 'i');
  const auto time = part_of(cursor, 't');
  const auto last_number = part_of(last, 'i');
  const auto last_time = part_of(last, 't');
  return number && time && last_number && last_time && *number <= *last_number && *time <= *last_time;
}

bool is_gone(std::string_view output) {
  return find_property(output, "LoadState") == "not-found" && find_property(output, "ActiveState") == "inactive";
}

}  // namespace

Settings read_settings(const pillard::Config& config) {
  Settings settings;
  settings.lines = config.integer("lines", settings.lines, 1, 1000);
  for (const auto& name : config.list("units", {})) {
    try {
      settings.units.push_back(pillard::unit_of_service(name, "each name"));
    } catch (const Error& error) {
      config.reject("units", error.what());
    }
  }
  return settings;
}

void LogQuery::check() {
  service = pillard::service_of_unit(pillard::unit_of_service(service));
  if (cursor.find_first_not_of(kCursorCharacters) != std::string::npos)
    throw Error(Code::kBadRequest, "params.cursor: expected the cursor of a log_data");
}

Error explain(const Exit& exit, std::string_view service, bool with_sudo) {
  if (with_sudo && pillard::refused_by_sudo(exit)) return denied(service);
  if (exit.status == 127)
    return {Code::kUnsupported, "This node has no journalctl: the logs of " + std::string(service) + " need systemd."};
  if (pillard::refused_by_node(exit)) return denied(service);
  const auto said = exit.err.empty() ? "." : ": " + first_line(exit.err);
  return {Code::kDisconnected, "The node ended the log of " + std::string(service) + "; it is taken up again" + said};
}

LogSource::LogSource(pillard::Context& context, std::shared_ptr<const Settings> settings, const LogQuery& query)
    : context_(context),
      settings_(std::move(settings)),
      service_(query.service),
      unit_(pillard::unit_of_service(query.service)),
      last_(context.resume_from()) {
  const auto& offered = settings_->units;
  if (!offered.empty() && std::find(offered.begin(), offered.end(), unit_) == offered.end()) {
    context_.fail({Code::kAccessDenied, "The log of " + service_ + " is not offered here."});
    return;
  }
  ask_state();
  ask_access();
}

void LogSource::ask_state() {
  state_ = context_.node().exec({.argv = {"env", "LC_ALL=C", "systemctl", "show", "--no-pager",
                                          "--property=Id,LoadState,ActiveState", "--", unit_}},
                                [this](const Exit& exit) { state_known(exit); });
}

void LogSource::state_known(const Exit& exit) {
  if (exit.status == 127) {
    context_.fail(explain(exit, service_, false));
    return;
  }
  // Where systemctl cannot tell (no bus, too slow), the journal can.
  const bool was_installed = std::exchange(installed_, !exit.ok() || !is_gone(exit.out));
  check_ = context_.after(kCheckEvery, [this] { ask_state(); });
  if (!std::exchange(state_known_, true)) {
    // The journal knows a unit by its own name only, not by an alias ("sshd" of "ssh").
    if (const auto id = find_property(exit.out, "Id"); pillard::valid_unit_name(id)) unit_ = id;
    if (access_known_) read_history();
  } else if (was_installed && !installed_) {
    say_removed();
  }
}

/// The journal is readable for who can open a system journal: by group, by access list or as root, whatever the
/// distribution made of it. journalctl itself shows nothing and succeeds when it may not.
void LogSource::ask_access() {
  access_ =
      context_.node().exec({.argv = {"env", "LC_ALL=C", "find", "/var/log/journal", "/run/log/journal", "-maxdepth",
                                     "2", "-name", "system*.journal", "-readable", "-print", "-quit"}},
                           [this](const Exit& exit) { access_known(exit); });
}

void LogSource::access_known(const Exit& exit) {
  if (exit.timed_out) {
    context_.fail({Code::kTimeout, "The node did not tell in time whether the journal can be read."});
    return;
  }
  access_known_ = true;
  with_sudo_ = exit.out.empty();
  if (state_known_) read_history();
}

void LogSource::read_history() {
  step_ = Step::kHistory;
  std::vector<std::string> options;
  if (last_.empty()) {
    options = {"--lines=" + std::to_string(settings_->lines)};
  } else {
    // Inclusive, for with --after-cursor and a unit a line is passed over when the cursor's own entry is gone.
    options = {"--cursor=" + last_};
  }
  read(std::move(options), [this](const Exit& exit) { history_read(exit); });
}

void LogSource::history_read(const Exit& exit) {
  const bool lost = expects_last_ && (exit.ok() || says(exit, "seek to cursor"));  // not even the known entry is there
  if (lost) {
    say_gap();
    last_.clear();
    read_history();
  } else if (exit.ok() && (installed_ || read_any_)) {
    if (!installed_) say_removed();
    follow();
  } else if (!installed_ && !read_any_) {
    context_.fail({Code::kNotFound, "There is no service " + service_ + " on this node."});
  } else {
    context_.fail(explain(exit, service_, with_sudo_));
  }
}

void LogSource::follow() {
  step_ = Step::kFollow;
  std::vector<std::string> options{"--follow", "--no-tail"};
  if (!last_.empty()) options.push_back("--cursor=" + last_);
  read(std::move(options), [this](const Exit& exit) {
    publish(joiner_.flush(context_.unix_ms()));
    context_.fail(explain(exit, service_, with_sudo_));
  });
}

void LogSource::read(std::vector<std::string> options, pillard::Function<void(Exit)> done) {
  std::vector<std::string> argv{
      "journalctl",     "--no-pager", "--output=export", "--all", std::string("--output-fields=") + kFields,
      "--unit=" + unit_};
  argv.insert(argv.end(), std::make_move_iterator(options.begin()), std::make_move_iterator(options.end()));
  if (with_sudo_) argv = pillard::with_sudo(std::move(argv));
  expects_last_ = !last_.empty();
  parser_ = ExportParser{};
  journal_ = context_.node().bytes(
      {.argv = pillard::with_c_locale(std::move(argv))}, [this](std::string_view piece) { take(piece); },
      std::move(done));
}

void LogSource::take(std::string_view piece) {
  try {
    parser_.feed(piece, [this](Entry& entry) { take(entry); });
  } catch (const FormatError& error) {
    context_.log(pillard::Level::kWarning, "journalctl of " + service_ + ": " + error.what());
    context_.fail(
        {Code::kInternal, "The node's journalctl printed what cannot be read as the log of " + service_ + "."});
  }
  if (published_ != 0) context_.count("lines", std::exchange(published_, 0));
}

void LogSource::take(Entry& entry) {
  // The known one that a reading begins with; and journalctl may show one again when journald starts anew.
  if (!last_.empty() && repeats(entry.cursor, last_)) {
    if (entry.cursor == last_) expects_last_ = false;
    read_any_ = true;
    return;
  }
  if (std::exchange(expects_last_, false)) {
    // The follower starts with this boot; what the history ended with may be of an older one.
    if (step_ == Step::kHistory || boot_of(entry.cursor) == boot_of(last_)) say_gap();
  }
  read_any_ = true;
  last_ = entry.cursor;
  if (!entry.has_message) return;
  if (joiner_.passes(entry)) {
    publish(entry);
    return;
  }
  publish(joiner_.add(std::move(entry), context_.unix_ms()));
  if (joiner_.holding() && !flush_.active()) flush_later();
}

void LogSource::flush_later() {
  flush_ = context_.after(kPartsWait, [this] {
    publish(joiner_.flush(context_.unix_ms() - std::chrono::milliseconds(kPartsWait).count()));
    if (joiner_.holding()) flush_later();
  });
}

void LogSource::say_removed() {
  context_.notice({Code::kNotFound, "The service " + service_ + " was removed from this node: its log ends here."});
}

void LogSource::say_gap() {
  context_.notice({Code::kNotFound, "Lines of " + service_ +
                                        " may be missing here: the node's journal no longer has the last line shown."});
}

void LogSource::publish(std::vector<Entry> lines) {
  for (auto& line : lines) {
    // Others were published meanwhile: to resume behind the line's own last part would repeat them.
    line.cursor = last_;
    publish(line);
  }
}

void LogSource::publish(const Entry& entry) {
  LogLine line{.service = service_,
               .line = entry.message,
               .timestamp = entry.unix_ms(),
               .priority = entry.tells_of_drops ? std::min(entry.priority, 4) : entry.priority,
               .cursor = entry.cursor};
  if (entry.lost != 0) {
    cut_line_ = entry.message + " [" + std::to_string(entry.lost) + " bytes cut]";
    line.line = cut_line_;
  }
  context_.publish(line, entry.cursor);
  ++published_;
}

}  // namespace client_logs
