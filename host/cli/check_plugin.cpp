#include "cli/check_plugin.h"

#include <fmt/format.h>
#include <sysexits.h>

#include <array>
#include <ostream>

#include "cli/one_plugin.h"

namespace pillard::cli {

namespace {
namespace fs = std::filesystem;
using loader::LoadError;

struct Step {
  std::string_view name;
  std::string_view passed;
};
/// In the order of the loader. What it says of a step that failed is its own.
constexpr std::array<Step, 5> kFileSteps{{
    {"open", "it can be opened"},
    {"permissions", "it and its directory belong to root or to this user, and no one else can write there"},
    {"section", "it is a plugin, of the ABI major " PILLARD_TEXT(PILLARD_ABI_MAJOR)},
    {"stamp", "it was built as this daemon was"},
    {"map", "all its symbols are there"},
}};

class Report {
 public:
  Report(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}
  void passed(std::string_view step, std::string_view text) { out_ << fmt::format("  ok     {:<14} {}\n", step, text); }
  void wrong(std::string_view step, std::string_view text) {
    out_.flush();  // both may be one terminal
    err_ << fmt::format("  WRONG  {:<14} {}\n", step, text);
    ++wrong_;
  }
  void line(std::string_view text) { out_ << text << '\n'; }
  std::size_t count() const noexcept { return wrong_; }

 private:
  std::ostream& out_;
  std::ostream& err_;
  std::size_t wrong_ = 0;
};

/// What a client gets who asks for nothing in particular; or what it must ask for.
std::string defaults(const StreamType& type) {
  try {
    const auto query = type.decode("{}");
    return query.key + (query.pace_ms ? fmt::format(", every {} ms", *query.pace_ms) : "");
  } catch (const Error& error) {
    return error.what();
  }
}

void tell_types(Report& report, const loader::Registry& registry) {
  for (const auto* entry : registry.streams()) {
    const auto& options = entry->options();
    report.line(fmt::format("  stream {}, {}: publishes {}", options.subscribe, options.unsubscribe, options.event));
    report.line(fmt::format("           params: {}", entry->working()->params().json));
    report.line(fmt::format("           a client that gives none gets: {}", defaults(*entry->working())));
    report.line(fmt::format("           replay {}, linger {} ms, {}", options.replay, options.linger.count(),
                            options.overflow == Overflow::kNewest
                                ? std::string("slow readers get the newest")
                                : fmt::format("slow readers are told of a gap by {}", options.gap)));
  }
  for (const auto* entry : registry.calls()) {
    const auto& options = entry->options();
    report.line(fmt::format("  call   {}: answers within {} ms", options.name, options.timeout.count()));
    report.line(fmt::format("           params: {}", entry->working()->params().json));
  }
  if (registry.streams().empty() && registry.calls().empty())
    report.wrong("setup", "it registered nothing: no client can ask it for anything");
}

void tell_keys(Report& report, const Config& config) {
  for (const auto& key : config.asked())
    report.line(key.given ? fmt::format("           {}: set in line {}", key.name, key.line)
                          : fmt::format("           {}: not set; {}", key.name,
                                        key.fallback.empty() ? "empty" : "\"" + key.fallback + "\""));
}

/// The checks of the file itself; nothing if one failed.
std::unique_ptr<OnePlugin> check_file(Report& report, const fs::path& file, const loader::Services& services) {
  try {
    auto plugin = std::make_unique<OnePlugin>(file, services);
    for (const auto& [step, passed] : kFileSteps) report.passed(step, passed);
    report.passed("name", fmt::format("{} {}", plugin->manifest().name, plugin->manifest().version));
    return plugin;
  } catch (const LoadError& error) {
    // A bad name is seen before anything is opened, another name than the file's when all else was right.
    const bool begun = file.extension() == ".so" && loader::valid_plugin_name(file.stem().string());
    for (const auto& [step, passed] : kFileSteps) {
      if (step == error.step() || !begun) break;
      report.passed(step, passed);
    }
    report.wrong(error.step(), error.message());
    return nullptr;
  }
}

/// What its own code does.
void try_out(Report& report, OnePlugin& plugin, const Config& config) {
  bool through = false;
  try {
    plugin.create();
    report.passed("create", "it can be made");
    plugin.set_up(config);
    through = true;
  } catch (const LoadError& error) {
    report.wrong(error.step(), error.message());
  }
  // A setup that broke off has not asked for all of its keys: what it did not ask for is not unknown.
  const auto mistakes = through ? config.mistakes() : config.noted();
  for (const auto& mistake : mistakes) report.wrong("configuration", mistake.text());
  if (!through) return;
  report.passed("setup", "it is ready to serve");
  if (mistakes.empty()) report.passed("configuration", config.file() + " has no mistake");
  tell_keys(report, config);
  tell_types(report, plugin.registry());
}
}  // namespace

int check_plugin(const CheckPlugin& wanted, std::ostream& out, std::ostream& err) {
  const auto file = fs::absolute(wanted.file).lexically_normal();
  Report report(out, err);
  report.line(file.string());
  observe::Log log({.level = Level::kWarning});
  observe::Metrics metrics;
  if (const auto plugin = check_file(report, file, loader::Services{.log = log, .metrics = metrics})) {
    try {
      try_out(report, *plugin, read_configuration(wanted.configuration));
    } catch (const std::runtime_error& error) {
      report.wrong("configuration", error.what());
    }
  }
  if (report.count() == 0) return EX_OK;
  err << fmt::format("{}: the daemon would not load it\n", file.filename().string());
  return EX_CONFIG;
}

}  // namespace pillard::cli
