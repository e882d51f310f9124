#include "pillard/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "pillard/text.h"
#include "utf8.h"

namespace pillard {

namespace {
constexpr std::size_t kMaxSize = 1024 * 1024;
constexpr std::size_t kMaxMistakes = 100;  // of one text: a file of another kind has one in every line

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool is_name(std::string_view text, std::string_view besides) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [besides](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           besides.find(c) != std::string_view::npos;
  });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", detail::excerpt(text, 64)); }

/// The lines of an INI text, one after the other; calls back with keys and with what is wrong.
struct IniReader {
  std::string section = {};  // with its dot
  bool skipping = false;     // below a header that could not be read

  struct Outcome {
    std::string key = {};
    std::string value = {};
    std::string mistake = {};
  };

  /// What one line says; nothing for empty lines, comments and headers.
  std::optional<Outcome> read(std::string_view raw) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') return std::nullopt;
    if (!detail::valid_utf8(line)) return Outcome{.mistake = "the line is not UTF-8"};
    if (has_control(line)) return Outcome{.mistake = "the line holds a control character"};
    if (line.front() == '[') return header(line);
    return skipping ? std::nullopt : entry(line);
  }

 private:
  std::optional<Outcome> header(std::string_view line) {
    const std::string_view name = line.back() == ']' ? trim(line.substr(1, line.size() - 2)) : std::string_view{};
    skipping = !is_name(name, "-_.");
    if (skipping)
      return Outcome{.mistake = "expected a section as [name], of letters, digits, '-', '_' and '.'; got " +
                                quoted(line) + "; the keys below it are not read"};
    section = std::string(name) + ".";
    return std::nullopt;
  }

  std::optional<Outcome> entry(std::string_view line) const {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return Outcome{.mistake = "expected `key = value`, got " + quoted(line)};
    const std::string_view name = trim(line.substr(0, equals));
    if (!is_name(name, "-_"))
      return Outcome{.mistake = "expected a key of letters, digits, '-' and '_' before '=', got " + quoted(name)};
    Outcome outcome{.key = section + std::string(name)};
    std::string_view value = trim(line.substr(equals + 1));
    if (value.starts_with('"')) {
      if (value.size() < 2 || value.back() != '"') {
        outcome.mistake = "the closing quotation mark is missing";
        return outcome;
      }
      value = value.substr(1, value.size() - 2);
    }
    outcome.value = value;
    return outcome;
  }
};
}  // namespace

std::string Mistake::text() const {
  std::string out = file;
  if (line > 0) out += fmt::format(":{}", line);
  if (!key.empty()) out += fmt::format(": {}", key);
  return out + ": " + message;
}

Config::Config(std::string file, std::string_view text) : file_(std::move(file)) {
  if (text.size() > kMaxSize) {
    mistakes_.push_back({file_, 0, "", "the file is larger than 1 MiB"});
    return;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  IniReader reader;
  for (int line = 1; !text.empty() && mistakes_.size() < kMaxMistakes; ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    auto outcome = reader.read(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!outcome) continue;
    if (const auto known = entries_.find(outcome->key); known != entries_.end()) {
      outcome->mistake = fmt::format("stands twice, first in line {}", known->second.line);
    } else if (!outcome->key.empty()) {
      entries_[outcome->key] = {outcome->value, file_, line};
      // What could not be read is told once, not again by its getter.
      if (!outcome->mistake.empty()) entries_[outcome->key].broken = true;
    }
    if (!outcome->mistake.empty()) mistakes_.push_back({file_, line, outcome->key, outcome->mistake});
  }
}

const Config::Entry* Config::find(const std::string& key, std::string_view fallback) const {
  asked_.insert_or_assign(key, std::string(fallback));
  const auto found = entries_.find(key);
  return found == entries_.end() || found->second.broken ? nullptr : &found->second;
}

void Config::note(const std::string& key, std::string message) const {
  const auto entry = entries_.find(key);
  Mistake mistake{file_, 0, key, std::move(message)};
  if (entry != entries_.end()) {
    mistake.file = entry->second.file;
    mistake.line = entry->second.line;
  }
  const auto same = [&mistake](const Mistake& other) {
    return other.key == mistake.key && other.message == mistake.message && other.line == mistake.line;
  };
  if (std::none_of(mistakes_.begin(), mistakes_.end(), same)) mistakes_.push_back(std::move(mistake));
}

std::string Config::text(const std::string& key, std::string_view fallback, std::size_t min_size) const {
  const Entry* entry = find(key, fallback);
  if (!entry) return std::string(fallback);
  if (entry->value.size() >= min_size) return entry->value;
  note(key, min_size == 1 ? "must not be empty" : fmt::format("expected at least {} bytes", min_size));
  return std::string(fallback);
}

std::int64_t Config::integer(const std::string& key, std::int64_t fallback, std::int64_t min, std::int64_t max) const {
  const Entry* entry = find(key, std::to_string(fallback));
  if (!entry) return fallback;
  const std::string& text = entry->value;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= min && value <= max) return value;
  note(key, fmt::format("expected an integer from {} to {}, got {}", min, max, quoted(text)));
  return fallback;
}

bool Config::flag(const std::string& key, bool fallback) const {
  const Entry* entry = find(key, fallback ? "true" : "false");
  if (!entry) return fallback;
  for (const std::string_view yes : {"true", "yes", "on", "1"})
    if (entry->value == yes) return true;
  for (const std::string_view no : {"false", "no", "off", "0"})
    if (entry->value == no) return false;
  note(key, "expected true or false (or yes/no, on/off, 1/0), got " + quoted(entry->value));
  return fallback;
}

std::vector<std::string> Config::list(const std::string& key, std::vector<std::string> fallback) const {
  const Entry* entry = find(key, fmt::format("{}", fmt::join(fallback, ", ")));
  if (!entry) return fallback;
  std::vector<std::string> elements;
  if (trim(entry->value).empty()) return elements;
  std::string_view rest = entry->value;
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    more = comma != std::string_view::npos;
    elements.emplace_back(trim(rest.substr(0, comma)));
    if (more) rest.remove_prefix(comma + 1);
    if (!elements.back().empty()) continue;
    note(key, "an element of the list is empty");
    return fallback;
  }
  return elements;
}

bool Config::are_words(const std::string& key, const std::vector<std::string>& texts, std::string_view one_of) const {
  std::vector<std::string_view> allowed;
  while (!one_of.empty()) allowed.push_back(take_until(one_of, ' '));
  bool right = true;
  for (auto text = texts.begin(); text != texts.end(); ++text) {
    if (std::find(allowed.begin(), allowed.end(), *text) == allowed.end()) {
      note(key, fmt::format("expected one of {}, got {}", fmt::join(allowed, ", "), quoted(*text)));
    } else if (std::find(texts.begin(), text, *text) != text) {
      note(key, quoted(*text) + " stands twice");
    } else {
      continue;
    }
    right = false;
  }
  return right;
}

bool Config::has(const std::string& key) const {
  const auto known = asked_.find(key);
  return find(key, known == asked_.end() ? std::string() : known->second) != nullptr;
}

void Config::reject(const std::string& key, std::string message) const {
  asked_.try_emplace(key);
  note(key, std::move(message));
}

void Config::set(const std::string& key, std::string value, std::string origin) {
  entries_[key] = {std::move(value), std::move(origin), 0};
}

namespace {
void sort_by_line(std::vector<Mistake>& mistakes) {
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.line < b.line; });
}
}  // namespace

std::vector<Mistake> Config::noted() const {
  std::vector<Mistake> all = mistakes_;
  sort_by_line(all);
  return all;
}

std::vector<Mistake> Config::mistakes() const {
  std::vector<Mistake> all = noted();
  std::vector<Mistake> unknown;
  for (const auto& [key, entry] : entries_)
    if (!asked_.contains(key)) unknown.push_back({entry.file, entry.line, key, "unknown key"});
  sort_by_line(unknown);
  all.insert(all.end(), unknown.begin(), unknown.end());
  return all;
}

std::vector<ConfigKey> Config::asked() const {
  std::vector<ConfigKey> all;
  for (const auto& [name, fallback] : asked_) {
    const auto entry = entries_.find(name);
    const bool given = entry != entries_.end();
    all.push_back({.name = name,
                   .fallback = fallback,
                   .given = given,
                   .value = given ? entry->second.value : std::string(),
                   .line = given ? entry->second.line : 0});
  }
  return all;
}

}  // namespace pillard
