#pragma once
// What a described struct looks like from outside: its fields one by one, and JSON Schema (2020-12) of it.
#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "pillard/export.h"
#include "pillard/fields.h"

namespace pillard {

/// The kind of JSON that a value is read from.
enum class Shape { kBool, kInteger, kNumber, kString, kList, kObject, kAny };

/// One field of a struct. An optional one has the shape of what it may hold.
struct FieldSchema {
  std::string name;
  Shape shape = Shape::kAny;
  Shape element = Shape::kAny;  // lists: of each element
  FieldOptions options{};       // integers: with the limits of their type
};

/// A struct, or any other value: then without fields.
struct Schema {
  std::vector<FieldSchema> fields{};
  std::string json = "{}";  // JSON Schema; "{}" allows anything
};

namespace detail {
/// Whose JSON a schema is of: a client's, which may leave out what has a default, or ours, which has all but what is
/// optional.
enum class Written { kByClients, kByUs };

template <class T>
constexpr Shape shape_of() {
  if constexpr (std::same_as<T, bool>) {
    return Shape::kBool;
  } else if constexpr (std::integral<T>) {
    return Shape::kInteger;
  } else if constexpr (std::floating_point<T>) {
    return Shape::kNumber;
  } else if constexpr (std::convertible_to<const T&, std::string_view> || Enumerated<T>) {
    return Shape::kString;
  } else if constexpr (kIsOptional<T>) {
    return shape_of<typename T::value_type>();
  } else if constexpr (kIsVector<T>) {
    return Shape::kList;
  } else if constexpr (Described<T>) {
    return Shape::kObject;
  } else {
    return Shape::kAny;
  }
}

template <class T>
constexpr Shape element_of() {
  if constexpr (kIsOptional<T>) {
    return element_of<typename T::value_type>();
  } else if constexpr (kIsVector<T>) {
    return shape_of<typename T::value_type>();
  } else {
    return Shape::kAny;
  }
}

/// `options` within what an integer of type T holds, or with the words of an enumeration.
template <class T>
constexpr FieldOptions narrowed(FieldOptions options) {
  if constexpr (kIsOptional<T>) {
    return narrowed<typename T::value_type>(options);
  } else if constexpr (Enumerated<T>) {
    if (!options.one_of) options.one_of = kOneOf<T>.data();
  } else if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    if constexpr (std::is_unsigned_v<T>) options.min = std::max<std::int64_t>(options.min, 0);
    if constexpr (sizeof(T) < 8) {
      options.min = std::max(options.min, static_cast<std::int64_t>(std::numeric_limits<T>::min()));
      options.max = std::min(options.max, static_cast<std::int64_t>(std::numeric_limits<T>::max()));
    }
  }
  return options;
}

/// `"type":"integer","minimum":1,...`, without braces; never stricter than what is taken or sent. `default_json` may be
/// empty.
PILLARD_API void append_schema_of(std::string& out, Written written, Shape shape, const FieldOptions& options,
                                  std::string_view default_json);

/// Appends the schema of a T; `value` is what it is when the JSON lacks it, or null. A struct that holds itself is
/// described some levels deep.
template <class T>
void append_schema(std::string& out, Written written, const FieldOptions& options, const T* value, int levels = 6) {
  if constexpr (kIsOptional<T>) {
    append_schema(out, written, options, value && *value ? &**value : nullptr, levels);
  } else if (levels == 0) {
    out += "{}";
  } else {
    std::string given;
    if (value && !options.required && !options.secret) encode(given, *value);
    out += '{';
    append_schema_of(out, written, shape_of<T>(), narrowed<T>(options),
                     given == "\"\"" || (Enumerated<T> && given == "null") ? std::string_view{} : given);
    if constexpr (kIsVector<T>) {
      out += ",\"items\":";
      append_schema<typename T::value_type>(out, written, of_element(options), nullptr, levels - 1);
    } else if constexpr (shape_of<T>() == Shape::kObject) {
      std::string properties;
      std::string required;
      [[maybe_unused]] const auto one = [&](const auto& f) {  // not used without fields
        using Member = std::remove_cvref_t<decltype(std::declval<T&>().*(f.member))>;
        if (!properties.empty()) properties += ',';
        json::append_string(properties, f.name);
        properties += ':';
        FieldOptions inherited = f.options;
        inherited.secret |= options.secret;
        append_schema<Member>(properties, written, inherited, value ? &(value->*(f.member)) : nullptr, levels - 1);
        if (written == Written::kByUs ? kIsOptional<Member> : !f.options.required) return;
        if (!required.empty()) required += ',';
        json::append_string(required, f.name);
      };
      std::apply([&](const auto&... f) { (one(f), ...); }, T::pillard_fields());
      out += ",\"properties\":{" + properties + '}';
      if (!required.empty()) out += ",\"required\":[" + required + ']';
    }
    out += '}';
  }
}
}  // namespace detail

/// [any] Of a struct that clients send: with the defaults of what they may leave out.
template <Described T>
Schema schema_of() {
  Schema schema;
  [[maybe_unused]] const auto one = [&](const auto& f) {  // not used without fields
    using Member = std::remove_cvref_t<decltype(std::declval<T&>().*(f.member))>;
    schema.fields.push_back({.name = f.name,
                             .shape = detail::shape_of<Member>(),
                             .element = detail::element_of<Member>(),
                             .options = detail::narrowed<Member>(f.options)});
  };
  std::apply([&](const auto&... f) { (one(f), ...); }, T::pillard_fields());
  const T defaults{};
  schema.json.clear();
  // What clients need not send has its default there, and nobody wants to read all of them again as one.
  detail::append_schema<T>(schema.json, detail::Written::kByClients, {.required = true}, &defaults);
  return schema;
}

/// [any] JSON Schema of what is sent to clients as a T.
template <class T>
std::string json_schema() {
  std::string out;
  detail::append_schema<T>(out, detail::Written::kByUs, {}, nullptr);
  return out;
}

}  // namespace pillard
