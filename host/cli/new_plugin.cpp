#include "cli/new_plugin.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

namespace pillard::cli {

namespace {
namespace fs = std::filesystem;

/// What cannot be a namespace, or is a file of the template's already.
constexpr std::string_view kTaken[] = {
    "alignas",   "alignof",  "and",      "and_eq",   "asm",     "auto",     "bitand",         "bitor",   "bool",
    "break",     "case",     "catch",    "char",     "class",   "co_await", "co_yield",       "compl",   "concept",
    "const",     "continue", "decltype", "default",  "delete",  "do",       "double",         "else",    "enum",
    "explicit",  "export",   "extern",   "false",    "float",   "for",      "friend",         "goto",    "if",
    "inline",    "int",      "linux",    "long",     "main",    "mutable",  "namespace",      "new",     "noexcept",
    "not",       "nullptr",  "operator", "or",       "parser",  "pillard",  "pillard-plugin", "plugin",  "private",
    "protected", "public",   "register", "requires", "return",  "short",    "signed",         "sizeof",  "static",
    "std",       "struct",   "switch",   "template", "testing", "this",     "throw",          "true",    "try",
    "typedef",   "typeid",   "typename", "union",    "unix",    "unsigned", "using",          "virtual", "void",
    "volatile",  "while",    "xor"};

void check_name(const std::string& name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (name.size() < 2 || name.size() > 48 || !std::all_of(name.begin(), name.end(), allowed) || name.front() < 'a' ||
      name.back() == '-' || name.find("--") != std::string::npos)
    throw std::runtime_error(fmt::format(
        "\"{}\" is no name for a plugin: expected 2 to 48 characters from a-z, 0-9 and '-', a letter first, "
        "no '-' at the end and no two in a row",
        name));
  if (std::find(std::begin(kTaken), std::end(kTaken), name) != std::end(kTaken))
    throw std::runtime_error(fmt::format(
        "\"{}\" means something else in C++ or in the SDK; take another name, such as \"{}-watch\"", name, name));
}

struct Spelling {
  std::string from;
  std::string to;
};

std::vector<Spelling> spellings(const std::string& name) {
  std::string snake = name;
  std::replace(snake.begin(), snake.end(), '-', '_');
  std::string camel;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '-') continue;
    const bool begins = i == 0 || name[i - 1] == '-';
    camel += begins ? static_cast<char>(std::toupper(static_cast<unsigned char>(name[i]))) : name[i];
  }
  return {{"my-monitor", name}, {"my_monitor", snake}, {"MyMonitor", camel}};
}

std::string spelled(std::string text, const std::vector<Spelling>& all) {
  for (const auto& [from, to] : all)
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  return text;
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) throw std::runtime_error(fmt::format("{} cannot be read", file.string()));
  return text;
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw std::runtime_error(fmt::format("{} cannot be written", file.string()));
}

/// Takes away what was made unless all of it was.
class Undo {
 public:
  explicit Undo(fs::path folder) : folder_(std::move(folder)) {}
  Undo(const Undo&) = delete;
  ~Undo() {
    std::error_code error;
    if (!folder_.empty()) fs::remove_all(folder_, error);
  }
  void keep() noexcept { folder_.clear(); }

 private:
  fs::path folder_;
};
}  // namespace

fs::path installed_template() {
  return (fs::read_symlink("/proc/self/exe").parent_path() / "../share/pillard/template").lexically_normal();
}

std::vector<fs::path> make_plugin(const NewPlugin& wanted) {
  check_name(wanted.name);
  if (!fs::is_directory(wanted.from))
    throw std::runtime_error(
        fmt::format("the template {} is not there: it is installed with the SDK (cmake --install ... --component sdk)",
                    wanted.from.string()));
  if (fs::exists(wanted.folder) && (!fs::is_directory(wanted.folder) || !fs::is_empty(wanted.folder)))
    throw std::runtime_error(
        fmt::format("{} is there already, and nothing of it is overwritten", wanted.folder.string()));
  const auto all = spellings(wanted.name);
  std::vector<fs::path> made;
  Undo undo(wanted.folder);
  fs::create_directories(wanted.folder);
  // Followed: a build tree has the template by a link.
  for (const auto& entry : fs::recursive_directory_iterator(fs::canonical(wanted.from))) {
    const auto target =
        wanted.folder / spelled(entry.path().lexically_relative(fs::canonical(wanted.from)).string(), all);
    if (entry.is_directory()) {
      fs::create_directories(target);
    } else {
      fs::create_directories(target.parent_path());
      write(target, spelled(read(entry.path()), all));
      made.push_back(target);
    }
  }
  undo.keep();
  std::sort(made.begin(), made.end());
  return made;
}

std::string next_steps(const std::string& name, const fs::path& folder) {
  const auto snake = spelled("my_monitor", spellings(name));
  return fmt::format(
      "Next, in {0}:\n"
      "  1. edit src/parser.{{h,cpp}}, what the node prints, and src/{1}.{{h,cpp}}, what is asked of it and when\n"
      "  2. cmake -S . -B build && cmake --build build -j\n"
      "  3. ctest --test-dir build --output-on-failure\n"
      "  4. pillard --check-plugin build/{2}.so --config sample.ini\n"
      "  5. copy build/{2}.so into the daemon's lib/pillard/plugins, sample.ini to its conf.d/{2}.ini,\n"
      "     and add {2} to [plugins] enabled\n",
      folder.string(), snake, name);
}

}  // namespace pillard::cli
