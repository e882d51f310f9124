#pragma once
// Command lines of `--name value` pairs.
#include <charconv>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pillard::bench {

/// A mistake in the command line, in words for its author.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Iteration: `while (arguments.next()) {...}`. Every option has a value; all but next() are about the current one.
class Arguments {
 public:
  /// `words`: what follows the program's name.
  explicit Arguments(std::span<char*> words) : words_(words) {}

  /// False behind the last one. Throws UsageError for a word that is no option, and for an option without value.
  bool next() {
    if (words_.empty()) return false;
    name_ = words_[0];
    if (!name_.starts_with("--")) throw UsageError("expected an option, got '" + std::string(name_) + "'");
    if (words_.size() < 2) throw UsageError(std::string(name_) + " needs a value");
    value_ = words_[1];
    words_ = words_.subspan(2);
    return true;
  }

  std::string_view name() const noexcept { return name_; }
  std::string text() const { return std::string(value_); }
  /// Throws UsageError for what is no decimal number from `least` to `most`.
  std::uint32_t number(std::uint32_t least, std::uint32_t most = std::numeric_limits<std::uint32_t>::max()) const {
    std::uint32_t number = 0;
    const auto* end = value_.data() + value_.size();
    const auto [stop, error] = std::from_chars(value_.data(), end, number);
    if (error != std::errc() || stop != end || number < least || number > most)
      throw UsageError(std::string(name_) + ": expected a number from " + std::to_string(least) + " to " +
                       std::to_string(most) + ", got '" + text() + "'");
    return number;
  }
  /// Throws UsageError: for the option that nobody knows.
  [[noreturn]] void refuse() const { throw UsageError("there is no option " + std::string(name_)); }

 private:
  std::span<char*> words_;
  std::string_view name_;
  std::string_view value_;
};

}  // namespace pillard::bench
