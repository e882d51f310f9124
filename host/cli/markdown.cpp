#include "cli/markdown.h"

#include <fmt/format.h>

#include "cli/schema_node.h"

namespace pillard::cli {

namespace {
/// Text for a cell of a table.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '<') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string type_of(const SchemaNode& node) {
  if (!node.words.empty()) return fmt::format("`{}`", fmt::join(node.words, "`, `"));
  if (node.is_list()) {
    const auto& each = node.items.front();
    if (!each.words.empty()) return "list of " + type_of(each);
    return each.type.empty() ? "list" : fmt::format("list of {}s", each.is_list() ? "list" : each.type);
  }
  return node.type.empty() ? "any JSON" : node.type;
}

/// The fields of an object or of a list of objects, in a table of their own.
class Table {
 public:
  explicit Table(Side side)
      : text_(fmt::format("| {} | Type | |\n|---|---|---|\n", side == Side::kClient ? "Param" : "Field")),
        side_(side) {}

  void add(const SchemaNode& node, const std::string& path) {
    for (const auto& property : node.properties) {
      std::string type = type_of(property.schema);
      // What clients send is optional unless it says otherwise, what they get is there.
      if (property.required == (side_ == Side::kClient)) type += property.required ? ", required" : ", optional";
      row(path, property.name, type, in_sentences(property.schema, side_));
      const auto& inner = property.schema.is_list() ? property.schema.items.front() : property.schema;
      add(inner, path + property.name + (property.schema.is_list() ? "[]." : "."));
    }
  }
  std::string text() {
    flush();
    return std::move(text_);
  }

 private:
  /// What has nothing to be said of it shares a row with what is alike beside it.
  void row(const std::string& path, const std::string& name, const std::string& type, const std::string& about) {
    if (about.empty() && about_.empty() && path == path_ && type == type_) {
      names_ += fmt::format(", `{}`", name);
      return;
    }
    flush();
    path_ = path;
    type_ = type;
    about_ = about;
    names_ = fmt::format("`{}{}`", path, name);
  }
  void flush() {
    if (!names_.empty())
      text_ += fmt::format("| {} | {} | {}|\n", names_, cell(type_), about_.empty() ? "" : cell(about_) + ' ');
    names_.clear();
  }

  std::string text_;
  Side side_;
  std::string names_, path_, type_, about_;
};

std::string params(std::string_view schema) {
  const auto node = read_schema(schema);
  if (node.properties.empty()) return {};
  Table table(Side::kClient);
  table.add(node, "");
  return '\n' + table.text();
}

/// Of what comes from pillard; `what` begins the sentence before it.
std::string told(const std::string& what, std::string_view schema) {
  const auto node = read_schema(schema);
  const auto& each = node.is_list() ? node.items.front() : node;
  if (each.properties.empty()) return fmt::format("\n{}: {}.\n", what, type_of(node));
  Table table(Side::kPillard);
  table.add(each, "");
  return fmt::format("\n{}{}:\n\n{}", what, node.is_list() ? ", a list; each element" : "", table.text());
}

std::string stream(const StreamOffer& offer) {
  const auto& options = offer.options;
  auto text = fmt::format("`{}` starts the stream, `{}` with the same params ends it.\n", options.subscribe,
                          options.unsubscribe);
  text += params(offer.params);
  text += told(fmt::format("`{}`", options.event), offer.event);
  if (!options.batch.empty())
    text += fmt::format("\nAt `/ws` it is `{}`, a list of what `{}` has elsewhere.\n", options.batch, options.event);
  if (options.overflow == Overflow::kDrop)
    text += fmt::format(
        "\n`{}`: the params, and `dropped`, how many events are missing in this place for who reads too slowly.\n",
        options.gap);
  return text;
}

std::string call(const CallOffer& offer) {
  auto text = fmt::format("`{}` is a call.\n", offer.options.name);
  text += params(offer.params);
  return text + told("Its answer", offer.response);
}
}  // namespace

std::string markdown(const Offer& offer) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : "\n") + part; };
  for (const auto& one : offer.streams) add(stream(one));
  for (const auto& one : offer.calls) add(call(one));
  return text;
}

}  // namespace pillard::cli
