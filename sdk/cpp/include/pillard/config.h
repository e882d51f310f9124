#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pillard/described.h"
#include "pillard/export.h"

namespace pillard {

/// One thing that is wrong with a configuration: "etc/conf.d/node-status.ini:3: interval: ...".
struct Mistake {
  std::string file;
  int line = 0;  ///< 1-based; 0 where the whole file is meant
  std::string key;
  std::string message;
  PILLARD_API std::string text() const;
};

/// One key that a getter asked for.
struct ConfigKey {
  std::string name;
  std::string fallback;  ///< what stands in its place where the file does not have it, as it would be written there
  bool given = false;    ///< whether the file has it
  std::string value{};   ///< what the file has
  int line = 0;          ///< of the file; 0 if it is not from there
};

/// One INI file, read by typed getters. A getter never throws: what is wrong is noted as a Mistake and the default is
/// returned, so that one reading finds every mistake. A key that no getter asked for is a mistake as well (a typo must
/// not pass silently); call mistakes() after all getters.
///
/// Format: `key = value` lines, `[section]` headers (their keys are asked for as "section.key"), comments on lines of
/// their own beginning with `#` or `;`. Values are trimmed; a value in double quotes is kept as it stands between them.
/// Lists are parted by commas. Names are case-sensitive. A key that stands twice is a mistake.
///
/// [setup] for a plugin: getters write down what was asked, const or not, so that one thread at a time may use it. Copy
/// what Sources and Calls need into a struct that never changes.
class PILLARD_API Config {
 public:
  Config() = default;
  /// Parses; what is no INI becomes a Mistake. `file` is only a name for messages.
  Config(std::string file, std::string_view text);

  /// `min_size` 1 refuses an empty value.
  std::string text(const std::string& key, std::string_view fallback, std::size_t min_size = 0) const;
  /// A decimal number from `min` to `max`, both allowed.
  std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t min, std::int64_t max) const;
  /// true/false, yes/no, on/off, 1/0.
  bool flag(const std::string& key, bool fallback) const;
  /// Elements as they stand, repeated ones included; the list may be empty, an element may not.
  std::vector<std::string> list(const std::string& key, std::vector<std::string> fallback) const;
  /// One word of an enumeration with PILLARD_ENUM: "expected one of start, stop, got "x"".
  template <Enumerated Enum>
  Enum word(const std::string& key, Enum fallback) const;
  /// A list of them in the order of the file, each once. Every wrong one is a mistake of its own.
  template <Enumerated Enum>
  std::vector<Enum> words(const std::string& key, const std::vector<Enum>& fallback) const;
  /// Whether the file has it; counts as asked for.
  bool has(const std::string& key) const;

  /// Notes a mistake that only the caller can see: a value that parses but makes no sense.
  void reject(const std::string& key, std::string message) const;
  /// Replaces or adds a value; `origin` stands for the file in messages ("--set", "PORT").
  void set(const std::string& key, std::string value, std::string origin);

  /// Everything wrong so far, unknown keys last; in the order of the lines.
  std::vector<Mistake> mistakes() const;
  /// The same without unknown keys: for a reader that broke off before it had asked for all of its own.
  std::vector<Mistake> noted() const;
  /// Every key that was asked for so far, in the order of names: what this file may hold.
  std::vector<ConfigKey> asked() const;
  const std::string& file() const noexcept { return file_; }

 private:
  struct Entry {
    std::string value;
    std::string file;
    int line = 0;
    bool broken = false;  // told as a mistake already: the getters take the default
  };
  const Entry* find(const std::string& key, std::string_view fallback) const;
  void note(const std::string& key, std::string message) const;
  /// Whether each is one of the words allowed (separated by one space), and none stands twice; notes those that are
  /// not.
  bool are_words(const std::string& key, const std::vector<std::string>& texts, std::string_view one_of) const;

  std::string file_;
  std::map<std::string, Entry> entries_;
  mutable std::vector<Mistake> mistakes_;
  mutable std::map<std::string, std::string> asked_;  // with what stands in its place
};

template <Enumerated Enum>
Enum Config::word(const std::string& key, Enum fallback) const {
  const auto written = text(key, word_of(fallback));
  return are_words(key, {written}, detail::kOneOf<Enum>.data()) ? value_of<Enum>(written).value_or(fallback) : fallback;
}

template <Enumerated Enum>
std::vector<Enum> Config::words(const std::string& key, const std::vector<Enum>& fallback) const {
  std::vector<std::string> texts;
  texts.reserve(fallback.size());
  for (const auto value : fallback) texts.emplace_back(word_of(value));
  texts = list(key, std::move(texts));
  if (!are_words(key, texts, detail::kOneOf<Enum>.data())) return fallback;
  std::vector<Enum> values;
  for (const auto& text : texts)
    if (const auto value = value_of<Enum>(text)) values.push_back(*value);
  return values;
}

}  // namespace pillard
