#pragma once
// What the operator reads: one line an event, to standard error, as text or JSON.
#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>

#include <array>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config_stages.h"
#include "pillard/context.h"  // Level

namespace pillard::observe {

/// A text that stands in the source: what happened. What it happened to goes into fields. So nothing a client sent, and
/// no token, can be put into a message by concatenation.
class Text {
 public:
  consteval Text(const char* literal) : view_(literal) {}  // NOLINT: implicit is the purpose
  constexpr std::string_view view() const noexcept { return view_; }

 private:
  std::string_view view_;
};

/// Who speaks: one of config::kStages, or it does not compile.
class Stage {
 public:
  consteval Stage(const char* name) : index_(find(name)) {}  // NOLINT: implicit is the purpose
  constexpr std::string_view name() const noexcept { return config::kStages[index_]; }
  constexpr std::size_t index() const noexcept { return index_; }

 private:
  static consteval std::size_t find(std::string_view name) {
    for (std::size_t i = 0; i < config::kStages.size(); ++i)
      if (config::kStages[i] == name) return i;
    throw "no such stage; see config::kStages";
  }
  std::size_t index_;
};

/// A named value of a line. Only texts, integers and booleans can be one: a type that holds a secret and does not
/// convert to std::string_view does not compile here.
class Field {
 public:
  Field(Text name, std::string_view value) : name_(name), text_(value), kind_(Kind::kText) {}
  Field(Text name, const std::string& value) : Field(name, std::string_view(value)) {}
  Field(Text name, const char* value) : Field(name, std::string_view(value)) {}
  Field(Text name, std::nullptr_t) = delete;
  Field(Text name, std::chrono::milliseconds value) : Field(name, value.count()) {}
  Field(Text name, std::same_as<bool> auto value) : name_(name), text_(value ? "true" : "false"), kind_(Kind::kBare) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Field(Text name, T value)
      : name_(name), number_(static_cast<std::uint64_t>(value)), kind_(kNumberKind<T>) {}

 private:
  friend class Log;
  enum class Kind { kText, kBare, kSigned, kUnsigned };
  template <class T>
  static constexpr Kind kNumberKind = std::is_signed_v<T> ? Kind::kSigned : Kind::kUnsigned;
  Text name_;
  std::string_view text_{};  // what it points to must live until the call returns
  std::uint64_t number_ = 0;
  Kind kind_;
};

/// "error", "warning", "info", "debug"
std::string_view name(Level level) noexcept;

struct LogOptions {
  Level level = Level::kInfo;              // this and what is graver is written
  std::map<std::string, Level> levels{};   // by stage: instead of `level`; what is no stage has no effect
  bool json = false;                       // one object a line
  Poco::AutoPtr<Poco::Channel> channel{};  // gets finished lines without their end; null: standard error
};

/// Made by the daemon and handed down by reference. Every function is [any], takes turns with other
/// threads that write a line, and does not wait for a reader: when standard error is a pipe that is full, lines are
/// dropped and their number is told with the next one (line_channel.h has the one exception).
/// Control characters and bytes that are not UTF-8 are escaped, so that a value never looks like a line of its own.
/// A line is at most kMaxLine bytes, written at once; longer values are cut and end in "...".
class Log {
 public:
  static constexpr std::size_t kMaxLine = 4096;

  explicit Log(LogOptions options = {});

  /// What a line costs that is not written: one look here.
  bool enabled(Level level, Stage stage) const noexcept {
    return level <= levels_[stage.index()].load(std::memory_order_relaxed);
  }
  void set_level(Stage stage, Level level) noexcept { levels_[stage.index()].store(level, std::memory_order_relaxed); }

  /// How many were written, dropped ones included.
  std::uint64_t lines(Level level) const noexcept {
    return lines_[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
  }

  void write(Level level, Stage stage, Text message, std::initializer_list<Field> fields = {});
  /// The same whatever level is set: for what must stay on record. It is not dropped when nobody reads fast enough
  /// (line_channel.h has the bound).
  void record(Stage stage, Text message, std::initializer_list<Field> fields) {
    put(Level::kInfo, stage, message, fields, true);
  }
  void error(Stage stage, Text message, std::initializer_list<Field> fields = {}) {
    write(Level::kError, stage, message, fields);
  }
  void warning(Stage stage, Text message, std::initializer_list<Field> fields = {}) {
    write(Level::kWarning, stage, message, fields);
  }
  void info(Stage stage, Text message, std::initializer_list<Field> fields = {}) {
    write(Level::kInfo, stage, message, fields);
  }
  void debug(Stage stage, Text message, std::initializer_list<Field> fields = {}) {
    write(Level::kDebug, stage, message, fields);
  }

 private:
  void put(Level level, Stage stage, Text message, std::initializer_list<Field> fields, bool keep = false);
  std::string line(Level level, Stage stage, Text message, std::initializer_list<Field> fields) const;
  bool append(std::string& line, const Field& field) const;
  std::string value(const Field& field, std::size_t room) const;

  std::array<std::atomic<Level>, config::kStages.size()> levels_;
  std::array<std::atomic<std::uint64_t>, 4> lines_{};  // by level
  bool json_;
  Poco::AutoPtr<Poco::Channel> channel_;
};

/// For messages that would repeat: lets one through per key and window, and counts the others. [any]
///
///     if (auto held_back = throttle_.pass(peer, now)) log_.warning("transport", "...", {{"suppressed", *held_back}});
class Throttle {
 public:
  using Clock = std::chrono::steady_clock;
  /// Keys beyond `max_keys` that are new while all known ones are fresh share one window.
  explicit Throttle(std::chrono::milliseconds window, std::size_t max_keys = 256)
      : window_(window), max_keys_(max_keys) {}

  /// How many were held back since the last one that passed, if this one passes.
  std::optional<std::uint64_t> pass(std::string_view key, Clock::time_point now = Clock::now());

 private:
  struct Slot {
    Clock::time_point passed;
    std::uint64_t held_back = 0;
  };
  Slot* slot(std::string_view key, Clock::time_point now, bool& fresh);

  const std::chrono::milliseconds window_;
  const std::size_t max_keys_;
  std::mutex mutex_;
  std::unordered_map<std::string, Slot> slots_;  // guarded by mutex_
  Slot others_;                                  // guarded by mutex_: shared by keys that found no place
  bool has_others_ = false;                      // guarded by mutex_
};

}  // namespace pillard::observe
