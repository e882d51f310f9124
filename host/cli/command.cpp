#include "cli/command.h"

#include <fmt/format.h>
#include <sysexits.h>

#include <charconv>
#include <iostream>

#include "cli/markdown.h"
#include "cli/new_plugin.h"
#include "cli/record.h"
#include "cli/typescript.h"

namespace pillard::cli {

namespace {

int new_plugin(const std::vector<std::string>& words) {
  const Words given(words, {.once = {"into"}});
  if (given.plain().size() != 1) throw UsageError("expected one name: pillard new-plugin NAME [--into DIR]");
  const auto& name = given.plain().front();
  const auto folder = std::filesystem::path(given.option("into").value_or(".")) / name;
  const auto files = make_plugin({.name = name, .folder = folder, .from = installed_template()});
  std::cout << folder.string() << ": " << files.size() << " files.\n\n" << next_steps(name, folder);
  return EX_OK;
}

int record_node(const std::vector<std::string>& words) {
  record(parse_record(words), std::cout);
  return EX_OK;
}

int describe(const std::vector<std::string>& words) {
  const Words given(words, {.once = {"as", "config"}});
  const auto form = given.required("as");
  if (form != "typescript" && form != "markdown")
    throw UsageError(fmt::format("--as: expected one of \"typescript\", \"markdown\", got \"{}\"", form));
  const auto config = given.option("config");
  if (given.plain().empty()) throw UsageError("expected a plugin's file");
  if (given.plain().size() > 1 && (config || form == "markdown"))
    throw UsageError(config ? "--config is of one plugin" : "a README is of one plugin");
  std::vector<Offer> offers;
  for (const auto& file : given.plain()) offers.push_back(read_offer(file, config.value_or("")));
  std::cout << (form == "typescript" ? typescript(std::move(offers)) : markdown(offers.front())) << std::flush;
  return EX_OK;
}

struct Command {
  std::string_view name;
  int (*run)(const std::vector<std::string>& words);
};
constexpr Command kCommands[] = {{"new-plugin", new_plugin}, {"describe", describe}, {"record", record_node}};

}  // namespace

const char* const kCommandHelp =
    "Commands:\n"
    "pillard new-plugin NAME [--into DIR]\n"
    "                        makes DIR/NAME, a plugin that builds, is tested and runs, to be made another\n"
    "pillard describe --as typescript|markdown FILE.so... [--config FILE]\n"
    "                        writes down what plugins offer: types for their clients, or tables for a README\n"
    "pillard record --node USER@HOST[:PORT] --password-env VARIABLE|--key FILE --plugin FILE.so\n"
    "               --subscribe TYPE[=PARAMS]...|--call NAME[=PARAMS]... --to DIR [--for SECONDS]\n"
    "               [--config FILE] [--passphrase-env VARIABLE] [--known-hosts FILE]\n"
    "               [--host-keys accept-new|strict|off]\n"
    "                        runs a plugin's streams and calls against a real node and writes down what the node\n"
    "                        answered, for FakeHost to play in tests; Ctrl-C ends it early\n";

Words::Words(const std::vector<std::string>& words, const Known& known) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word == "--") {
      plain_.insert(plain_.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      return;
    }
    if (!word.starts_with("--")) {
      plain_.push_back(word);
      continue;
    }
    const auto equals = word.find('=');
    const auto name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const bool once = known.once.contains(name);
    if (!once && !known.repeated.contains(name)) throw UsageError(fmt::format("\"--{}\" is no option here", name));
    if (equals == std::string::npos && i + 1 == words.size()) throw UsageError(fmt::format("--{} has no value", name));
    auto& values = options_[name];
    if (once && !values.empty()) throw UsageError(fmt::format("--{} stands twice", name));
    values.push_back(equals == std::string::npos ? words[++i] : word.substr(equals + 1));
  }
}

std::optional<std::string> Words::option(std::string_view name) const {
  const auto found = options_.find(name);
  return found == options_.end() ? std::nullopt : std::optional(found->second.front());
}

std::vector<std::string> Words::options(std::string_view name) const {
  const auto found = options_.find(name);
  return found == options_.end() ? std::vector<std::string>() : found->second;
}

std::string Words::required(std::string_view name) const {
  auto value = option(name);
  if (!value) throw UsageError(fmt::format("--{} is missing", name));
  return *std::move(value);
}

std::optional<long> Words::integer(std::string_view name, long min, long max) const {
  const auto text = option(name);
  if (!text) return std::nullopt;
  long value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < min || value > max)
    throw UsageError(fmt::format("--{}: expected an integer from {} to {}, got \"{}\"", name, min, max, *text));
  return value;
}

std::optional<int> run_command(const std::vector<std::string>& words) {
  if (words.empty()) return std::nullopt;
  for (const auto& command : kCommands) {
    if (words.front() != command.name) continue;
    try {
      return command.run({words.begin() + 1, words.end()});
    } catch (const UsageError& error) {
      std::cerr << "pillard " << command.name << ": " << error.what() << "; see pillard --help\n";
      return EX_USAGE;
    } catch (const std::exception& error) {
      std::cerr << "pillard " << command.name << ": " << error.what() << '\n';
      return EX_CANTCREAT;
    }
  }
  return std::nullopt;
}

}  // namespace pillard::cli
