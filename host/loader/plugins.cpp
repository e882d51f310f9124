#include "loader/plugins.h"

#include <fmt/format.h>

#include <fstream>

namespace pillard::loader {

namespace {
namespace fs = std::filesystem;

/// More than Config takes, so that it can refuse what is too large.
constexpr std::size_t kMaxIni = 1024 * 1024 + 1;

std::string read_ini(const fs::path& plugin, const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error) && !error) return {};
  std::ifstream in(file, std::ios::binary);
  std::string text(kMaxIni, '\0');
  if (!in || fs::is_directory(file, error) || (!in.read(text.data(), kMaxIni) && !in.eof()))
    throw LoadError(plugin, "configuration", fmt::format("its configuration {} cannot be read", file.string()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

/// Runs a step of `file` that calls plugin code; whatever leaves it is a LoadError.
template <class Fn>
auto attempt(const PluginFile& file, const char* step, const char* what, Fn&& fn) {
  try {
    return fn();
  } catch (const std::exception& error) {
    throw LoadError(file.path(), step, fmt::format("{}: {}", what, error.what()));
  } catch (...) {
    throw LoadError(file.path(), step, fmt::format("{}: an exception of an unknown type", what));
  }
}
}  // namespace

Plugins::Plugins(const PluginsOptions& options, const Services& services) {
  for (const auto& name : options.enabled) {
    try {
      load(options, name, services);
    } catch (const LoadError& error) {
      errors_.push_back(error);
    }
  }
}

Plugins::~Plugins() {
  for (auto loaded = loaded_.rbegin(); loaded != loaded_.rend(); ++loaded) {
    // What a plugin registered is its code as well, and may point into the Plugin object: it goes first.
    guard(*(*loaded)->record, [&] { registry_.forget(*(*loaded)->record); });
    stop(**loaded);
  }
}

std::vector<PluginRecord*> Plugins::records() const {
  std::vector<PluginRecord*> all;
  for (const auto& loaded : loaded_) all.push_back(loaded->record.get());
  return all;
}

void Plugins::load(const PluginsOptions& options, const std::string& name, const Services& services) {
  auto loaded = std::make_unique<Loaded>();
  loaded->record = std::make_unique<PluginRecord>(name, services);
  // From here on its code may run, were it only the constructors of its globals.
  const Visit visit(*loaded->record, Timed::kNo);
  const PluginFile file(options.directory, name);
  for (const auto& other : loaded_)
    if (other->record->name() == name) throw LoadError(file.path(), "name", "is enabled twice");
  const fs::path ini = options.configuration / (name + ".ini");
  const Config config(ini.string(), read_ini(file.path(), ini));
  try {
    set_up(file, config, *loaded);
  } catch (...) {
    stop(*loaded);
    throw;
  }
  services.metrics
      .gauge("pillard_plugin_info", "Always 1; which version of a plugin this is.",
             {{"plugin", name}, {"version", file.manifest().version}})
      .set(1);
  services.log.info("loader", "loaded", {{"plugin", name}, {"version", file.manifest().version}});
  loaded_.push_back(std::move(loaded));
}

void Plugins::set_up(const PluginFile& file, const Config& config, Loaded& loaded) {
  attempt(file, "create", "could not be created", [&] { loaded.plugin.reset(file.manifest().create()); });
  if (!loaded.plugin) throw LoadError(file.path(), "create", "made no plugin");
  Enrolment enrolment(registry_, *loaded.record);
  try {
    attempt(file, "setup", "refused to be set up", [&] { loaded.plugin->setup(enrolment, config); });
  } catch (const LoadError&) {
    // A setup that broke off has not asked for all of its keys: what it did not ask for is not unknown.
    for (auto& mistake : config.noted()) mistakes_.push_back(std::move(mistake));
    throw;
  }
  auto mistakes = config.mistakes();
  if (mistakes.empty()) return enrolment.commit();
  for (auto& mistake : mistakes) mistakes_.push_back(std::move(mistake));
  throw LoadError(file.path(), "configuration", fmt::format("{} has mistakes", config.file()));
}

void Plugins::stop(Loaded& loaded) {
  if (loaded.plugin) destroy(*loaded.record, loaded.plugin);
}

}  // namespace pillard::loader
