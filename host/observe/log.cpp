#include "observe/log.h"

#include <Poco/Message.h>

#include <fmt/format.h>
#include <ctime>

#include "observe/line_channel.h"

namespace pillard::observe {
namespace {

constexpr std::size_t kMaxValue = 2048;  // of one value, so that the first does not take the whole line
constexpr std::size_t kTrailer = 24;     // room kept for what says that fields were left out
constexpr std::size_t kAround = 8;       // of a value: quotes and "..."
constexpr char32_t kIllFormed = 0xffffffff;

struct Unit {
  char32_t code;
  std::size_t size;
};

/// The code point at the start of `text`, which is not empty.
Unit first_unit(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {kIllFormed, 1};
  char32_t code = lead & (0xffu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0u) != 0x80) return {kIllFormed, 1};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const bool fits = code >= (size == 4 ? 0x10000u : size == 3 ? 0x800u : 0x80u) && code <= 0x10ffff;
  if (!fits || (code >= 0xd800 && code <= 0xdfff)) return {kIllFormed, 1};
  return {code, size};
}

/// What moves a terminal's cursor, starts a line or turns the reading direction.
bool unsafe(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x200e && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

std::string escaped(std::string_view bytes, char32_t code, bool json) {
  if (code == '"' || code == '\\') return {'\\', static_cast<char>(code)};
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  if (code == kIllFormed)
    return json ? "\xef\xbf\xbd" : fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes.front()));
  if (unsafe(code)) return fmt::format("\\u{:04x}", static_cast<std::uint32_t>(code));
  return std::string(bytes);
}

/// `text` without anything that could end its value or its line; at most `room` bytes and then "...".
std::string escape(std::string_view text, std::size_t room, bool json) {
  std::string out;
  while (!text.empty()) {
    const auto unit = first_unit(text);
    const auto piece = escaped(text.substr(0, unit.size), unit.code, json);
    if (out.size() + piece.size() > room) return out + "...";
    out += piece;
    text.remove_prefix(unit.size);
  }
  return out;
}

bool bare(std::string_view value) { return !value.empty() && value.find_first_of(" =\"\\") == std::string_view::npos; }

Poco::Message::Priority priority(Level level) {
  switch (level) {
    case Level::kError: return Poco::Message::PRIO_ERROR;
    case Level::kWarning: return Poco::Message::PRIO_WARNING;
    case Level::kInfo: return Poco::Message::PRIO_INFORMATION;
    case Level::kDebug: return Poco::Message::PRIO_DEBUG;
  }
  return Poco::Message::PRIO_ERROR;
}

/// "2026-11-22T23:56:13.123Z"
std::string timestamp() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, ms % 1000);
}

}  // namespace

std::string_view name(Level level) noexcept {
  switch (level) {
    case Level::kError: return "error";
    case Level::kWarning: return "warning";
    case Level::kInfo: return "info";
    case Level::kDebug: return "debug";
  }
  return "error";
}

Log::Log(LogOptions options) : json_(options.json), channel_(std::move(options.channel)) {
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const auto own = options.levels.find(std::string(config::kStages[i]));
    levels_[i].store(own == options.levels.end() ? options.level : own->second, std::memory_order_relaxed);
  }
  if (!channel_) channel_ = new LineChannel(2);  // NOLINT: AutoPtr counts its references
}

std::string Log::value(const Field& field, std::size_t room) const {
  switch (field.kind_) {
    case Field::Kind::kBare: return std::string(field.text_);
    case Field::Kind::kSigned: return std::to_string(static_cast<std::int64_t>(field.number_));
    case Field::Kind::kUnsigned: return std::to_string(field.number_);
    case Field::Kind::kText: break;
  }
  auto text = escape(field.text_, std::min(room, kMaxValue), json_);
  return json_ || !bare(text) ? "\"" + text + "\"" : text;
}

bool Log::append(std::string& line, const Field& field) const {
  const auto head = json_ ? fmt::format(",\"{}\":", field.name_.view()) : fmt::format(" {}=", field.name_.view());
  const auto used = line.size() + head.size() + kAround + kTrailer;
  if (used + kTrailer > kMaxLine) return false;
  line += head + value(field, kMaxLine - used);
  return true;
}

std::string Log::line(Level level, Stage stage, Text message, std::initializer_list<Field> fields) const {
  auto line =
      fmt::format(fmt::runtime(json_ ? R"({{"time":"{}","level":"{}","stage":"{}","message":"{}")" : "{} {} {}: {}"),
                  timestamp(), observe::name(level), stage.name(), escape(message.view(), kMaxLine / 2, json_));
  for (const auto& field : fields) {
    if (append(line, field)) continue;
    line += json_ ? ",\"truncated\":true" : " truncated=true";
    break;
  }
  return json_ ? line + "}" : line;
}

void Log::write(Level level, Stage stage, Text message, std::initializer_list<Field> fields) {
  if (enabled(level, stage)) put(level, stage, message, fields);
}

void Log::put(Level level, Stage stage, Text message, std::initializer_list<Field> fields, bool keep) {
  lines_[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
  if (auto own = channel_.cast<LineChannel>())
    if (const auto dropped = own->take_dropped())
      own->log(
          {"observe",
           line(Level::kWarning, "observe", "lines were dropped, nobody reads them fast enough", {{"lines", dropped}}),
           Poco::Message::PRIO_WARNING});
  channel_->log({std::string(stage.name()), line(level, stage, message, fields),
                 keep ? Poco::Message::PRIO_NOTICE : priority(level)});
}

Throttle::Slot* Throttle::slot(std::string_view key, Clock::time_point now, bool& fresh) {
  const auto found = slots_.find(std::string(key));
  fresh = found == slots_.end();
  if (!fresh) return &found->second;
  if (slots_.size() >= max_keys_)
    std::erase_if(slots_, [&](const auto& known) { return now - known.second.passed >= window_; });
  if (slots_.size() < max_keys_) return &slots_[std::string(key)];
  fresh = !std::exchange(has_others_, true);
  return &others_;
}

std::optional<std::uint64_t> Throttle::pass(std::string_view key, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  bool fresh = false;
  auto* known = slot(key, now, fresh);
  if (!fresh && now - known->passed < window_) {
    ++known->held_back;
    return std::nullopt;
  }
  known->passed = now;
  return std::exchange(known->held_back, 0);
}

}  // namespace pillard::observe
