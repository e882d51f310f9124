#pragma once
// What the operator reads: one line an event, to standard error, as text or JSON.
#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

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

struct LogOptions {
  Level level = Level::kInfo;              // this and what is graver is written
  bool json = false;                       // one object a line
  Poco::AutoPtr<Poco::Channel> channel{};  // gets finished lines without their end; null: standard error
};

/// Made by the daemon and handed down by reference. Every function is [any] and returns without waiting for a reader:
/// when standard error is a pipe that is full, lines are dropped and their number is told with the next one.
/// Control characters and bytes that are not UTF-8 are escaped, so that a value never looks like a line of its own.
/// A line is at most kMaxLine bytes, written at once; longer values are cut and end in "...".
class Log {
 public:
  static constexpr std::size_t kMaxLine = 4096;

  explicit Log(LogOptions options = {});

  bool enabled(Level level) const noexcept { return level <= level_.load(std::memory_order_relaxed); }
  void set_level(Level level) noexcept { level_.store(level, std::memory_order_relaxed); }

  /// `stage` is the folder that speaks: "transport".
  void write(Level level, Text stage, Text message, std::initializer_list<Field> fields = {});
  void error(Text stage, Text message, std::initializer_list<Field> fields = {}) {
    write(Level::kError, stage, message, fields);
  }
  void warning(Text stage, Text message, std::initializer_list<Field> fields = {}) {
    write(Level::kWarning, stage, message, fields);
  }
  void info(Text stage, Text message, std::initializer_list<Field> fields = {}) {
    write(Level::kInfo, stage, message, fields);
  }
  void debug(Text stage, Text message, std::initializer_list<Field> fields = {}) {
    write(Level::kDebug, stage, message, fields);
  }

 private:
  std::string line(Level level, Text stage, Text message, std::initializer_list<Field> fields) const;
  bool append(std::string& line, const Field& field) const;
  std::string value(const Field& field, std::size_t room) const;

  std::atomic<Level> level_;
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
