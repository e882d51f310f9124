#include "wire/query_params.h"

namespace pillard::wire {

namespace {
bool is_json_of(Shape shape, std::string_view text) {
  switch (shape) {
    case Shape::kBool: return text == "true" || text == "false";
    case Shape::kInteger:
    case Shape::kNumber:
      return !text.empty() && (text.front() == '-' || (text.front() >= '0' && text.front() <= '9')) &&
             text.back() != ' ' && json::valid(text);
    case Shape::kString: return false;
    case Shape::kList:
    case Shape::kObject:
    case Shape::kAny: break;
  }
  return json::valid(text);
}

void append_value(std::string& out, Shape shape, std::string_view text) {
  if (is_json_of(shape, text)) {
    out += text;
  } else {
    json::append_string(out, text);
  }
}
}  // namespace

std::string params_of_query(const std::vector<std::pair<std::string, std::string>>& query,
                            const std::vector<FieldSchema>& fields, std::string_view resume) {
  std::string out;
  char comma = '{';
  for (const auto& field : fields) {
    const bool resumes = field.options.resume && !resume.empty();
    std::string value;
    std::size_t count = 0;
    for (const auto& [name, text] : query) {
      if (name != field.name || resumes) continue;
      if (++count > 1 && field.shape != Shape::kList)
        throw Error(Code::kBadRequest, "params." + field.name + ": given twice");
      if (count > 1) value += ',';
      append_value(value, field.shape == Shape::kList ? field.element : field.shape, text);
    }
    if (resumes) json::append_string(value, resume);
    if (count == 0 && !resumes) continue;
    std::string member;
    json::append_string(member, field.name);
    member += ':' + (field.shape == Shape::kList ? '[' + value + ']' : value);
    // Each was valid by itself: it is only the levels around it that may be too many.
    if (!json::valid('{' + member + '}'))
      throw Error(Code::kBadRequest, "params." + field.name + ": nested too deeply");
    out += std::exchange(comma, ',');
    out += member;
  }
  if (comma == '{') out += '{';
  return out + '}';
}

}  // namespace pillard::wire
