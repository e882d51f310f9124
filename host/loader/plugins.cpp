#include "loader/plugins.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>

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

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

fs::path library(const PluginsOptions& options, const std::string& name) { return options.directory / (name + ".so"); }
}  // namespace

std::string_view name(State state) noexcept {
  switch (state) {
    case State::kRunning: return "running";
    case State::kStopped: return "stopped";
    case State::kFailed: return "failed";
    case State::kRefused: break;
  }
  return "refused";
}

Plugins::Plugins(const PluginsOptions& options, const Services& services, Dispose dispose)
    : services_(services), dispose_(std::move(dispose)) {
  load_all(options, [](const PluginRecord&) {});
}

Plugins::~Plugins() {
  std::vector<Slot*> running;
  for (auto& [name, slot] : slots_)
    if (slot.generation) running.push_back(&slot);
  std::sort(running.begin(), running.end(), [](const Slot* a, const Slot* b) { return a->order > b->order; });
  for (auto* slot : running) {
    registry_.forget(*slot->record);
    slot->generation.reset();
  }
}

std::vector<PluginRecord*> Plugins::records() const {
  std::vector<const Slot*> running;
  for (const auto& [name, slot] : slots_)
    if (slot.generation) running.push_back(&slot);
  std::sort(running.begin(), running.end(), [](const Slot* a, const Slot* b) { return a->order < b->order; });
  std::vector<PluginRecord*> all;
  all.reserve(running.size());
  for (const auto* slot : running) all.push_back(slot->record.get());
  return all;
}

std::vector<PluginReport> Plugins::report() const {
  const std::lock_guard lock(mutex_);
  std::vector<PluginReport> all;
  for (const auto& [name, slot] : slots_) all.push_back(slot.told);
  return all;
}

void Plugins::apply(const PluginsOptions& options, const Changed& changed) {
  for (auto& [name, slot] : slots_) {
    if (std::find(options.enabled.begin(), options.enabled.end(), name) != options.enabled.end()) continue;
    if (slot.told.state == State::kStopped) continue;
    const bool ran = slot.generation != nullptr;
    registry_.forget(*slot.record);
    stop(slot, State::kStopped, "it is not enabled");
    if (ran) changed(*slot.record);
  }
  load_all(options, changed);
}

const PluginRecord* Plugins::stop_failing(const std::string& name, std::uint64_t run) {
  const auto found = slots_.find(name);
  if (found == slots_.end() || !found->second.generation || found->second.record->run() != run) return nullptr;
  auto& slot = found->second;
  registry_.withdraw(*slot.record);
  stop(slot, State::kFailed, "it kept failing, last with: " + slot.record->last_failure());
  return slot.record.get();
}

void Plugins::stop(Slot& slot, State state, const std::string& why) {
  if (slot.generation)
    services_.log.write(state == State::kFailed ? Level::kError : Level::kInfo, "loader", "stopped",
                        {{"plugin", slot.record->name()}, {"why", why}});
  slot.generation.reset();
  settle(slot, state, why);
}

/// Notes what is told of it from now on. With a `version` it is one that was loaded now.
void Plugins::settle(Slot& slot, State state, std::string trouble, const std::string* version) {
  const auto running = [&](int value) {
    if (slot.told.version.empty()) return;
    services_.metrics
        .gauge("pillard_plugin_info", "Which version of a plugin runs: 1, or 0 for one that did.",
               {{"plugin", slot.record->name()}, {"version", slot.told.version}})
        .set(value);
  };
  running(0);
  {
    const std::lock_guard lock(mutex_);
    if (version || slot.told.state != state) slot.told.since_ms = unix_ms();
    slot.told.state = state;
    slot.told.trouble = std::move(trouble);
    if (version) slot.told.version = *version;
  }
  if (state == State::kRunning) running(1);
  services_.metrics.gauge("pillard_plugins", "Plugins that run.")
      .set(std::count_if(slots_.begin(), slots_.end(),
                         [](const auto& one) { return one.second.told.state == State::kRunning; }));
}

void Plugins::load_all(const PluginsOptions& options, const Changed& changed) {
  errors_.clear();
  mistakes_.clear();
  std::set<std::string> seen;
  for (const auto& name : options.enabled) {
    try {
      if (!seen.insert(name).second) throw LoadError(library(options, name), "name", "is enabled twice");
      if (load(options, name)) changed(*slot_of(name).record);
    } catch (const LoadError& error) {
      errors_.push_back(error);
      auto& slot = slot_of(name);
      settle(slot, slot.generation ? State::kRunning : State::kRefused, error.message());
    }
  }
}

Plugins::Slot& Plugins::slot_of(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& slot = slots_[name];
  if (!slot.record) {
    slot.record = std::make_unique<PluginRecord>(name, services_);
    slot.told.record = slot.record.get();
  }
  return slot;
}

/// False if just this runs already.
bool Plugins::load(const PluginsOptions& options, const std::string& name) {
  const auto path = library(options, name);
  auto& slot = slot_of(name);
  // From here on its code may run, were it only the constructors of its globals.
  const Visit visit(*slot.record, Timed::kNo);
  const fs::path ini = options.configuration / (name + ".ini");
  auto text = read_ini(path, ini);
  const auto there = FileIdentity::of(path);
  if (slot.generation && there == slot.file && text == slot.configuration) {
    settle(slot, State::kRunning, {});  // whatever was to replace it is forgotten
    return false;
  }
  if (there && std::any_of(slot.mapped.begin(), slot.mapped.end(),
                           [&](const FileIdentity& former) { return there->written_over(former); }))
    throw LoadError(path, "open",
                    "was written over where it is in use: only a start of the daemon takes it now. Put a new version "
                    "beside it and rename it into its place, as install(1) does");
  const PluginFile file = map(options, name, slot);
  const Config config(ini.string(), text);
  auto generation = set_up(file, config, *slot.record);
  const bool replaces = slot.generation != nullptr;
  const std::string version = file.manifest().version;
  if (replaces) {
    services_.log.info("loader", "replaced", {{"plugin", name}, {"was", slot.told.version}, {"version", version}});
  } else {
    services_.log.info("loader", "loaded", {{"plugin", name}, {"version", version}});
  }
  slot.record->forgive();
  slot.generation = std::move(generation);
  slot.file = file.identity();
  slot.configuration = std::move(text);
  if (!replaces) slot.order = ++loaded_;
  {
    const std::lock_guard lock(mutex_);
    slot.told.file = path.string();
  }
  settle(slot, State::kRunning, {}, &version);
  return true;
}

/// Remembers what was mapped: it stays so, whatever comes of it.
PluginFile Plugins::map(const PluginsOptions& options, const std::string& name, Slot& slot) {
  const auto there = FileIdentity::of(library(options, name));
  try {
    PluginFile file(options.directory, name);
    slot.mapped.push_back(file.identity());
    return file;
  } catch (const LoadError& error) {
    const bool untouched = error.step() == "open" || error.step() == "permissions" || error.step() == "section";
    if (there && !untouched) slot.mapped.push_back(*there);
    throw;
  }
}

std::shared_ptr<Generation> Plugins::set_up(const PluginFile& file, const Config& config, PluginRecord& record) {
  std::unique_ptr<Plugin> plugin;
  attempt(file, "create", "could not be created", [&] { plugin.reset(file.manifest().create()); });
  if (!plugin) throw LoadError(file.path(), "create", "made no plugin");
  auto generation = make_generation(record, std::move(plugin), dispose_);
  Enrolment enrolment(registry_, record);
  try {
    attempt(file, "setup", "refused to be set up", [&] { generation->plugin()->setup(enrolment, config); });
  } catch (const LoadError&) {
    // A setup that broke off has not asked for all of its keys: what it did not ask for is not unknown.
    for (auto& mistake : config.noted()) mistakes_.push_back(std::move(mistake));
    throw;
  }
  auto mistakes = config.mistakes();
  if (!mistakes.empty()) {
    for (auto& mistake : mistakes) mistakes_.push_back(std::move(mistake));
    throw LoadError(file.path(), "configuration", fmt::format("{} has mistakes", config.file()));
  }
  enrolment.commit(generation);
  return generation;
}

}  // namespace pillard::loader
