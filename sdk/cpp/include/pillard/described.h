#pragma once
// How a struct describes its fields; fields.h reads and writes what is described so.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace pillard {

/// What is asked of a field beyond its type.
struct FieldOptions {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();  // numbers: smallest value; lists of them: of each
  std::int64_t max = std::numeric_limits<std::int64_t>::max();  // numbers: largest value
  bool clamp = false;                                           // take the nearest allowed value instead of refusing
  bool required = false;                                        // refuse JSON without it
  bool pace = false;    // says only how often, in ms: not part of what is asked for (streams: not in the topic)
  bool resume = false;  // a cursor to resume behind: not part of what is asked for
  bool secret = false;  // its value is never repeated in an error
  std::size_t max_length = 4096;  // strings: bytes; lists: elements
  const char* one_of = nullptr;   // strings, enumerations, lists of them: the words allowed, separated by one space
  const char* about = nullptr;    // for people: what it is, in a sentence
};

/// A member of a struct, as PILLARD_FIELD() describes it.
template <class Struct, class Member>
struct Field {
  const char* name;
  Member Struct::*member;
  FieldOptions options;
};
template <class Struct, class Member>
constexpr Field<Struct, Member> field(const char* name, Member Struct::*member, FieldOptions options = {}) {
  return {name, member, options};
}

/// Describes a struct, inside it and behind its members, which are called in JSON as in C++:
/// `PILLARD_FIELDS(Query, PILLARD_FIELD(unit, {.required = true}), PILLARD_FIELD(lines))`. What is not listed is no
/// part of the JSON.
#define PILLARD_FIELD(NAME, ...) ::pillard::field(#NAME, &PillardSelf::NAME __VA_OPT__(, ) __VA_ARGS__)
#define PILLARD_FIELDS(STRUCT, ...) \
  using PillardSelf = STRUCT;       \
  static constexpr auto pillard_fields() { return std::make_tuple(__VA_ARGS__); }

template <class T>
concept Described = requires {
  T::pillard_fields();
};

/// What a value of an enumeration is called in JSON.
template <class Enum>
struct Word {
  Enum value;
  std::string_view text;
};

/// Describes an enumeration, beside it: `PILLARD_ENUM(Action, {Action::kStart, "start"}, {Action::kStop, "stop"})`; one
/// that is inside a struct: `friend PILLARD_ENUM(...)`. A field of it is one of these words in JSON. They are not
/// empty, have no space and are all different; a value that has none is written as null.
#define PILLARD_ENUM(ENUM, ...) \
  constexpr auto pillard_words(ENUM) { return std::to_array<::pillard::Word<ENUM>>({__VA_ARGS__}); }

template <class T>
concept Enumerated = std::is_enum_v<T> && requires(T value) {
  pillard_words(value);
};

/// [any] The word of a value; empty for one that has none.
template <Enumerated Enum>
constexpr std::string_view word_of(Enum value) noexcept {
  for (const auto& word : pillard_words(value))
    if (word.value == value) return word.text;
  return {};
}

/// [any] The value that is called so; nothing for any other text.
template <Enumerated Enum>
constexpr std::optional<Enum> value_of(std::string_view text) noexcept {
  for (const auto& word : pillard_words(Enum{}))
    if (word.text == text) return word.value;
  return std::nullopt;
}

namespace detail {
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;

template <Enumerated T>
constexpr bool words_are_fit() {
  constexpr auto kWords = pillard_words(T{});
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (kWords[i].text.empty() || kWords[i].text.find(' ') != std::string_view::npos) return false;
    for (std::size_t k = 0; k < i; ++k)
      if (kWords[k].text == kWords[i].text || kWords[k].value == kWords[i].value) return false;
  }
  return true;
}

/// The words of an enumeration in the form of FieldOptions::one_of.
template <Enumerated T>
inline constexpr auto kOneOf = [] {
  static_assert(words_are_fit<T>(), "PILLARD_ENUM: words without spaces, each for one value");
  constexpr auto kWords = pillard_words(T{});
  constexpr std::size_t kSize = [] {
    std::size_t size = 0;
    for (const auto& word : pillard_words(T{})) size += word.text.size() + 1;
    return size;
  }();
  std::array<char, kSize> joined{};  // the last one ends it
  std::size_t at = 0;
  for (const auto& word : kWords) {
    if (at > 0) joined[at++] = ' ';
    at = static_cast<std::size_t>(std::copy(word.text.begin(), word.text.end(), joined.begin() + at) - joined.begin());
  }
  return joined;
}();

/// What is asked of each element of a list: all that is not about the list itself.
constexpr FieldOptions of_element(const FieldOptions& list) {
  return {.min = list.min, .max = list.max, .clamp = list.clamp, .secret = list.secret, .one_of = list.one_of};
}

/// Whether a T has a secret field at any depth; yes for one that is nested deeper than anybody looks.
template <class T, int kLevels = 8>
constexpr bool holds_secret() {
  if constexpr (kIsOptional<T> || kIsVector<T>) {
    return holds_secret<typename T::value_type, kLevels>();
  } else if constexpr (!Described<T>) {
    return false;
  } else if constexpr (kLevels == 0) {
    return true;
  } else {
    const auto hides = []<class S, class M>(const Field<S, M>& f) {
      return f.options.secret || holds_secret<M, kLevels - 1>();
    };
    return std::apply([&](const auto&... f) { return (false || ... || hides(f)); }, T::pillard_fields());
  }
}
}  // namespace detail

}  // namespace pillard
