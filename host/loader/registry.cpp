#include "loader/registry.h"

#include <fmt/format.h>

#include <stdexcept>

namespace pillard::loader {

namespace {
template <class T>
const T* find(const std::map<std::string, std::unique_ptr<T>, std::less<>>& map, std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second.get();
}
template <class T>
const T* find(const std::map<std::string, const T*, std::less<>>& map, std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second;
}

template <class T>
std::vector<const T*> working(const std::map<std::string, std::unique_ptr<T>, std::less<>>& map) {
  std::vector<const T*> all;
  for (const auto& [name, entry] : map)
    if (entry->type()) all.push_back(entry.get());
  return all;
}

/// Whether a subscriber of the one would not notice the other.
bool alike(const StreamOptions& a, const StreamOptions& b) {
  return a.subscribe == b.subscribe && a.unsubscribe == b.unsubscribe && a.event == b.event && a.gap == b.gap &&
         a.batch == b.batch && a.overflow == b.overflow;
}
bool alike(const CallOptions& a, const CallOptions& b) { return a.name == b.name; }

observe::Labels labels(const PluginRecord& plugin, const StreamType& type) {
  return {{"plugin", plugin.name()}, {"stream", type.options().subscribe}};
}
}  // namespace

Error not_offered(const PluginRecord& plugin, std::string_view type) {
  return {Code::kUnsupported,
          fmt::format("The {} plugin does not offer {} any more: it was stopped or replaced.", plugin.name(), type)};
}

StreamEntry::StreamEntry(PluginRecord& record, const std::shared_ptr<const StreamType>& stream)
    : Entry(record, stream),
      topics(record.metrics().gauge("pillard_plugin_streams", "Streams of a plugin that run on nodes.",
                                    labels(record, *stream))),
      subscriptions(record.metrics().gauge("pillard_plugin_subscriptions", "Subscriptions to a plugin's streams.",
                                           labels(record, *stream))) {}

const StreamEntry* Registry::find_subscribe(std::string_view type) const {
  const std::shared_lock lock(mutex_);
  return find(streams_, type);
}

const StreamEntry* Registry::find_unsubscribe(std::string_view type) const {
  const std::shared_lock lock(mutex_);
  return find(unsubscribes_, type);
}

const CallEntry* Registry::find_call(std::string_view type) const {
  const std::shared_lock lock(mutex_);
  return find(calls_, type);
}

std::vector<const StreamEntry*> Registry::streams() const {
  const std::shared_lock lock(mutex_);
  return working(streams_);
}

std::vector<const CallEntry*> Registry::calls() const {
  const std::shared_lock lock(mutex_);
  return working(calls_);
}

const PluginRecord* Registry::owner_of(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  return find(taken_, name);
}

void Registry::withdraw(const PluginRecord& plugin) {
  Gone gone;
  const std::unique_lock lock(mutex_);
  for (auto& [name, entry] : streams_)
    if (&entry->plugin() == &plugin) gone.push_back(entry->replace(nullptr));
  for (auto& [name, entry] : calls_)
    if (&entry->plugin() == &plugin) gone.push_back(entry->replace(nullptr));
  changed();
}

void Registry::forget(const PluginRecord& plugin) {
  Gone gone;
  const std::unique_lock lock(mutex_);
  retire(plugin, {}, gone);
  changed();
}

/// All that is not of one of these names.
void Registry::retire(const PluginRecord& plugin, const std::set<std::string>& but, Gone& gone) {
  const auto leave = [&](auto& entries, auto& former) {
    for (auto at = entries.begin(); at != entries.end();) {
      if (&at->second->plugin() != &plugin || but.contains(at->first)) {
        ++at;
        continue;
      }
      gone.push_back(at->second->replace(nullptr));
      former.push_back(std::move(at->second));
      at = entries.erase(at);
    }
  };
  std::erase_if(unsubscribes_, [&](const auto& entry) { return &entry.second->plugin() == &plugin; });
  leave(streams_, former_streams_);
  leave(calls_, former_calls_);
  std::erase_if(taken_, [&](const auto& entry) { return entry.second == &plugin; });
}

template <class EntryT, class Type>
void Registry::offer(ByName<std::unique_ptr<EntryT>>& entries, PluginRecord& plugin, const std::string& name,
                     std::shared_ptr<const Type> type, Gone& gone) {
  auto& entry = entries[name];
  if (entry) return gone.push_back(entry->replace(std::move(type)));
  entry = std::make_unique<EntryT>(plugin, std::move(type));
}

void Enrolment::take(const std::string& name) {
  if (const auto* other = registry_.owner_of(name); other && other != &plugin_)
    throw std::invalid_argument(fmt::format("the name \"{}\" is taken by the plugin {}", name, other->name()));
  if (!names_.insert(name).second)
    throw std::invalid_argument(fmt::format("the name \"{}\" is registered twice", name));
}

void Enrolment::add(std::unique_ptr<StreamType> type) {
  const auto& options = type->options();
  for (const auto& name : {options.subscribe, options.unsubscribe, options.event}) take(name);
  streams_.push_back(std::move(type));
}

void Enrolment::add(std::unique_ptr<CallType> type) {
  take(type->options().name);
  calls_.push_back(std::move(type));
}

void Enrolment::commit(const std::shared_ptr<Generation>& generation) {
  generation->streams_ = std::move(streams_);
  generation->calls_ = std::move(calls_);
  Registry::Gone gone;
  const std::unique_lock lock(registry_.mutex_);
  std::set<std::string> stay;
  const auto known = [&](const auto& entries, const std::string& name, const auto& options) {
    const auto* const entry = find(entries, name);
    if (entry && &entry->plugin() == &plugin_ && alike(entry->options(), options)) stay.insert(name);
  };
  for (const auto& type : generation->streams_) known(registry_.streams_, type->options().subscribe, type->options());
  for (const auto& type : generation->calls_) known(registry_.calls_, type->options().name, type->options());
  registry_.retire(plugin_, stay, gone);
  for (const auto& type : generation->streams_) {
    const auto& options = type->options();
    registry_.offer(registry_.streams_, plugin_, options.subscribe,
                    std::shared_ptr<const StreamType>(generation, type.get()), gone);
    registry_.unsubscribes_[options.unsubscribe] = find(registry_.streams_, options.subscribe);
  }
  for (const auto& type : generation->calls_)
    registry_.offer(registry_.calls_, plugin_, type->options().name,
                    std::shared_ptr<const CallType>(generation, type.get()), gone);
  for (const auto& name : names_) registry_.taken_.emplace(name, &plugin_);
  registry_.changed();
}

}  // namespace pillard::loader
