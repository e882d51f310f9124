#pragma once
// A struct described once: decoded from JSON with exact errors, encoded to JSON without a tree.
//
//     struct Query {
//       std::int64_t interval = 5000;  // ms
//       PILLARD_FIELDS(Query, PILLARD_FIELD(interval, {.min = 1000, .max = 60000, .clamp = true, .pace = true}))
//     };
//
// Field types: bool, integers, double, std::string, enumerations with PILLARD_ENUM, std::optional<T> (left out when
// empty), std::vector<T>, json::Raw, and structs with PILLARD_FIELDS. A field that the JSON lacks keeps the struct's
// default unless it is required; unknown fields are ignored, so that newer clients can talk to older daemons; of a
// field that is there twice the last one counts, as for JSON.parse().
#include <algorithm>
#include <charconv>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "pillard/described.h"
#include "pillard/json.h"
#include "pillard/problem.h"

namespace pillard {

namespace detail {
/// Throws Error(bad_request) "params.interval: expected an integer from 1 to 60, got "x""; of a secret without the got.
[[noreturn]] PILLARD_API void refuse(std::string_view where, std::string_view expected, std::string_view raw,
                                     bool secret = false);
/// Of a list that is too long, and of what is none of `options.one_of`.
[[noreturn]] PILLARD_API void refuse_length(std::string_view where, std::size_t max, std::string_view raw, bool secret);
[[noreturn]] PILLARD_API void refuse_word(std::string_view where, std::string_view raw, const FieldOptions& options);
PILLARD_API std::int64_t decode_integer(std::string_view where, std::string_view raw, const FieldOptions& options);
PILLARD_API bool decode_bool(std::string_view where, std::string_view raw, const FieldOptions& options);
/// `largest`: what the type that it is for holds.
PILLARD_API double decode_number(std::string_view where, std::string_view raw, const FieldOptions& options,
                                 double largest);
PILLARD_API std::string decode_string(std::string_view where, std::string_view raw, const FieldOptions& options);
PILLARD_API void append_number(std::string& out, double value);
}  // namespace detail

/// [any] Reads `raw` (one valid JSON value) into `value`. `where` names it in errors: "params". Throws
/// Error(bad_request).
template <class T>
void decode(T& value, std::string_view raw, const std::string& where, const FieldOptions& options = {}) {
  const bool secret = options.secret || detail::holds_secret<T>();
  if constexpr (std::same_as<T, bool>) {
    value = detail::decode_bool(where, raw, options);
  } else if constexpr (std::integral<T>) {
    FieldOptions narrowed = options;
    narrowed.min = std::max<std::int64_t>(options.min, std::is_unsigned_v<T> ? 0 : std::numeric_limits<T>::min());
    if constexpr (sizeof(T) < 8)
      narrowed.max = std::min(options.max, static_cast<std::int64_t>(std::numeric_limits<T>::max()));
    value = static_cast<T>(detail::decode_integer(where, raw, narrowed));
  } else if constexpr (std::floating_point<T>) {
    value = static_cast<T>(detail::decode_number(where, raw, options, std::numeric_limits<T>::max()));
  } else if constexpr (std::same_as<T, std::string>) {
    value = detail::decode_string(where, raw, options);
  } else if constexpr (Enumerated<T>) {
    FieldOptions worded = options;
    worded.one_of = detail::kOneOf<T>.data();
    const auto text = detail::decode_string(where, raw, options.one_of ? options : worded);
    const auto found = value_of<T>(text);
    if (!found) detail::refuse_word(where, raw, worded);
    value = *found;
  } else if constexpr (std::same_as<T, json::Raw>) {
    value.text = raw;
  } else if constexpr (detail::kIsOptional<T>) {
    if (raw == "null") {
      value.reset();
    } else {
      decode(value.emplace(), raw, where, options);
    }
  } else if constexpr (detail::kIsVector<T>) {
    // A ParseError tells a character of the text.
    if (secret && !json::valid(raw)) detail::refuse(where, "valid JSON", raw, secret);
    json::Reader reader(raw);
    if (reader.peek() != json::Kind::kArray) detail::refuse(where, "a list", raw, secret);
    value.clear();
    reader.enter_array();
    while (reader.next_element()) {
      if (value.size() == options.max_length) detail::refuse_length(where, options.max_length, raw, secret);
      typename T::value_type element{};
      decode(element, reader.read_raw(), where + "[" + std::to_string(value.size()) + "]", detail::of_element(options));
      value.push_back(std::move(element));
    }
  } else {
    static_assert(Described<T>, "describe the struct with PILLARD_FIELDS, the enumeration with PILLARD_ENUM");
    if (secret && !json::valid(raw)) detail::refuse(where, "valid JSON", raw, secret);
    json::Reader reader(raw);
    if (reader.peek() != json::Kind::kObject) detail::refuse(where, "an object", raw, secret);
    constexpr auto kFields = T::pillard_fields();
    bool seen[std::tuple_size_v<decltype(kFields)> + 1] = {};
    reader.enter_object();
    while (auto key = reader.next_key()) {
      const auto part = reader.read_raw();
      std::size_t index = 0;
      const auto take = [&](const auto& f) {
        if (*key == f.name) {
          FieldOptions inherited = f.options;
          inherited.secret |= options.secret;
          // Nothing of the first one stays in the second.
          if (seen[index]) value.*(f.member) = T{}.*(f.member);
          decode(value.*(f.member), part, where + "." + f.name, inherited);
          seen[index] = true;
        }
        ++index;
      };
      std::apply([&](const auto&... f) { (take(f), ...); }, kFields);
    }
    std::size_t index = 0;
    const auto demand = [&](const auto& f) {
      if (f.options.required && !seen[index]) detail::refuse(where + "." + f.name, "a value", "nothing", false);
      ++index;
    };
    std::apply([&](const auto&... f) { (demand(f), ...); }, kFields);
  }
}

/// [any] Appends `value` as JSON. Strings that are not UTF-8 get U+FFFD for the ill-formed parts.
template <class T>
void encode(std::string& out, const T& value) {
  if constexpr (std::same_as<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::integral<T>) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
  } else if constexpr (std::floating_point<T>) {
    detail::append_number(out, value);
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    json::append_string(out, value);
  } else if constexpr (Enumerated<T>) {
    const auto word = word_of(value);
    word.empty() ? static_cast<void>(out += "null") : json::append_string(out, word);
  } else if constexpr (std::same_as<T, json::Raw>) {
    out += value.text;
  } else if constexpr (detail::kIsOptional<T>) {
    if (value) {
      encode(out, *value);
    } else {
      out += "null";
    }
  } else if constexpr (detail::kIsVector<T>) {
    out += '[';
    bool first = true;
    for (const auto& element : value) {
      if (!std::exchange(first, false)) out += ',';
      encode(out, element);
    }
    out += ']';
  } else {
    static_assert(Described<T>, "describe the struct with PILLARD_FIELDS, the enumeration with PILLARD_ENUM");
    char comma = '{';
    std::apply(
        [&](const auto&... f) {
          [[maybe_unused]] const auto one = [&](const auto& one_field) {  // not used without fields
            const auto& part = value.*(one_field.member);
            if constexpr (detail::kIsOptional<std::remove_cvref_t<decltype(part)>>)
              if (!part) return;
            out += std::exchange(comma, ',');
            out += '"';
            out += one_field.name;
            out += "\":";
            encode(out, part);
          };
          (one(f), ...);
        },
        T::pillard_fields());
    if (comma == '{') out += '{';
    out += '}';
  }
}

/// [any] `value` as JSON, as encode() writes it.
template <class T>
std::string encoded(const T& value) {
  std::string out;
  encode(out, value);
  return out;
}

}  // namespace pillard
