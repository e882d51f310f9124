#pragma once
// The JSON Schemas that the SDK writes, as a tree for those who write them down in other words.
#include <string>
#include <string_view>
#include <vector>

namespace pillard::cli {

struct Property;

/// One schema. What it does not say is empty.
struct SchemaNode {
  std::string type;                                               // "object", "array", "integer", ...; empty: anything
  std::string about;                                              // for people
  std::string minimum, maximum, max_length, max_items, fallback;  // JSON, as it is written; `fallback`: the default
  std::vector<std::string> words;                                 // that a string may be
  std::vector<Property> properties;                               // of an object, in their order
  std::vector<SchemaNode> items;                                  // of an array: one, that of each element

  bool is_list() const noexcept { return type == "array" && !items.empty(); }
  /// Whether it may be left out as a whole: no property must be there.
  bool all_optional() const;
};

struct Property {
  std::string name;
  bool required = false;
  SchemaNode schema;
};

/// Throws json::ParseError for what is no schema.
SchemaNode read_schema(std::string_view json);

/// Who writes the JSON: of what pillard itself sends nobody asks whether it may be negative.
enum class Side { kClient, kPillard };

/// What it says beyond its type, in sentences: "In ms. From 1 to 60. 5 unless given."
std::string in_sentences(const SchemaNode& schema, Side side);

}  // namespace pillard::cli
