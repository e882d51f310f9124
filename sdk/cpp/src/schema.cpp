#include "pillard/schema.h"

namespace pillard::detail {

namespace {
std::string_view type_name(Shape shape) {
  switch (shape) {
    case Shape::kBool: return "boolean";
    case Shape::kInteger: return "integer";
    case Shape::kNumber: return "number";
    case Shape::kString: return "string";
    case Shape::kList: return "array";
    case Shape::kObject: return "object";
    case Shape::kAny: break;
  }
  return {};
}

void append_words(std::string& out, std::string_view words) {
  char comma = '[';
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    out += std::exchange(comma, ',');
    json::append_string(out, words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  out += ']';
}
}  // namespace

void append_schema_of(std::string& out, Written written, Shape shape, const FieldOptions& options,
                      std::string_view default_json) {
  const FieldOptions none;
  // Lengths are what is taken; what is sent has any.
  const bool taken = written == Written::kByClients;
  const bool number = shape == Shape::kInteger || shape == Shape::kNumber;
  const bool clamped = options.clamp && taken && number;
  const auto open = out.size();
  const auto key = [&](std::string_view name) -> std::string& {
    if (out.size() > open) out += ',';
    return out.append("\"").append(name).append("\":");
  };
  if (shape != Shape::kAny) key("type").append("\"").append(type_name(shape)).append("\"");
  if (number && !clamped) {
    if (options.min != none.min) key("minimum") += std::to_string(options.min);
    if (options.max != none.max) key("maximum") += std::to_string(options.max);
  }
  if (shape == Shape::kString) {
    if (taken && !options.one_of) key("maxLength") += std::to_string(options.max_length);
    if (options.one_of) append_words(key("enum"), options.one_of);
    if (options.secret) key("format") += "\"password\"";
  }
  if (shape == Shape::kList && taken) key("maxItems") += std::to_string(options.max_length);
  std::string about = options.about ? options.about : "";
  if (clamped && (options.min != none.min || options.max != none.max)) {
    if (!about.empty()) about += ' ';
    about += "Takes the nearest";
    if (options.min != none.min) about += " from " + std::to_string(options.min);
    if (options.max != none.max) about += " to " + std::to_string(options.max);
    about += '.';
  }
  if (!about.empty()) json::append_string(key("description"), about);
  if (!default_json.empty()) key("default") += default_json;
}

}  // namespace pillard::detail
