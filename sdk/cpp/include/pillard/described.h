#pragma once
// How a struct describes its fields; fields.h reads and writes what is described so.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
#include <vector>

namespace pillard {

/// What is asked of a field beyond its type.
struct FieldOptions {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();  // integers: smallest value
  std::int64_t max = std::numeric_limits<std::int64_t>::max();  // integers: largest value
  bool clamp = false;                                           // take the nearest allowed value instead of refusing
  bool required = false;                                        // refuse JSON without it
  bool pace = false;    // says only how often, in ms: not part of what is asked for (streams: not in the topic)
  bool resume = false;  // a cursor to resume behind: not part of what is asked for
  bool secret = false;  // its value is never repeated in an error
  std::size_t max_length = 4096;  // strings: bytes; lists: elements
  const char* one_of = nullptr;   // strings: the words that are allowed, separated by one space; null: any
  const char* about = nullptr;    // for people: what it is, in a sentence
};

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

#define PILLARD_FIELD(NAME, ...) ::pillard::field(#NAME, &PillardSelf::NAME __VA_OPT__(, ) __VA_ARGS__)
#define PILLARD_FIELDS(STRUCT, ...) \
  using PillardSelf = STRUCT;       \
  static constexpr auto pillard_fields() { return std::make_tuple(__VA_ARGS__); }

template <class T>
concept Described = requires {
  T::pillard_fields();
};

namespace detail {
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;

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
