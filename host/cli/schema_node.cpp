#include "cli/schema_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "pillard/json.h"

namespace pillard::cli {

namespace {
SchemaNode read(json::Reader& reader);

std::vector<std::string> read_strings(json::Reader& reader) {
  std::vector<std::string> all;
  reader.enter_array();
  while (reader.next_element()) all.push_back(reader.read_string());
  return all;
}

std::vector<Property> read_properties(json::Reader& reader) {
  std::vector<Property> all;
  reader.enter_object();
  while (auto name = reader.next_key()) all.push_back({.name = *std::move(name), .schema = read(reader)});
  return all;
}

SchemaNode read(json::Reader& reader) {
  SchemaNode node;
  std::vector<std::string> required;
  reader.enter_object();
  while (const auto key = reader.next_key()) {
    if (*key == "type") {
      node.type = reader.read_string();
    } else if (*key == "description") {
      node.about = reader.read_string();
    } else if (*key == "enum") {
      node.words = read_strings(reader);
    } else if (*key == "properties") {
      node.properties = read_properties(reader);
    } else if (*key == "required") {
      required = read_strings(reader);
    } else if (*key == "items") {
      node.items.push_back(read(reader));
    } else {
      const std::string value(reader.read_raw());
      if (*key == "minimum") node.minimum = value;
      if (*key == "maximum") node.maximum = value;
      if (*key == "maxLength") node.max_length = value;
      if (*key == "maxItems") node.max_items = value;
      if (*key == "default") node.fallback = value;
    }
  }
  for (auto& property : node.properties)
    property.required = std::find(required.begin(), required.end(), property.name) != required.end();
  return node;
}

std::string range_of(const SchemaNode& node, Side side) {
  const auto& [low, high] = std::tie(node.minimum, node.maximum);
  if (low == "-128" ? high == "127" : low == "-32768" ? high == "32767" : low == "-2147483648" && high == "2147483647")
    return {};  // what the type in C++ holds
  if (!low.empty() && !high.empty()) return fmt::format("From {} to {}.", low, high);
  if (!low.empty()) return side == Side::kPillard && low == "0" ? "" : fmt::format("{} or more.", low);
  return high.empty() ? "" : fmt::format("{} or less.", high);
}
}  // namespace

bool SchemaNode::all_optional() const {
  return std::none_of(properties.begin(), properties.end(), [](const Property& one) { return one.required; });
}

SchemaNode read_schema(std::string_view json) {
  json::Reader reader(json);
  auto node = read(reader);
  reader.finish();
  return node;
}

std::string in_sentences(const SchemaNode& schema, Side side) {
  constexpr std::string_view kUsual = "4096";  // the bound of everything that has no other
  std::string text;
  const auto say = [&text](const std::string& sentence) {
    if (!sentence.empty()) text += (text.empty() ? "" : " ") + sentence;
  };
  auto about = schema.about;
  std::replace(about.begin(), about.end(), '\n', ' ');
  say(about);
  say(range_of(schema, side));
  if (!schema.max_length.empty() && schema.max_length != kUsual)
    say(fmt::format("At most {} bytes.", schema.max_length));
  if (!schema.max_items.empty() && schema.max_items != kUsual)
    say(fmt::format("At most {} of them.", schema.max_items));
  const auto& fallback = schema.fallback;
  if (!fallback.empty() && fallback != "null" && fallback != "[]" && schema.properties.empty())
    say(fmt::format("{} unless given.", fallback));
  if (schema.is_list() && schema.items.front().properties.empty())
    if (const auto range = range_of(schema.items.front(), side); !range.empty()) say("Each: " + range);
  return text;
}

}  // namespace pillard::cli
