#include "loader/registry.h"

#include <fmt/format.h>

#include <stdexcept>

namespace pillard::loader {

namespace {
template <class Map>
auto find(const Map& map, std::string_view name) -> decltype(&map.begin()->second) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : &found->second;
}
}  // namespace

const StreamEntry* Registry::find_subscribe(std::string_view type) const { return find(streams_, type); }

const StreamEntry* Registry::find_unsubscribe(std::string_view type) const {
  const auto* const found = find(unsubscribes_, type);
  return found ? *found : nullptr;
}

const CallEntry* Registry::find_call(std::string_view type) const { return find(calls_, type); }

std::vector<const StreamEntry*> Registry::streams() const {
  std::vector<const StreamEntry*> all;
  for (const auto& [name, entry] : streams_) all.push_back(&entry);
  return all;
}

std::vector<const CallEntry*> Registry::calls() const {
  std::vector<const CallEntry*> all;
  for (const auto& [name, entry] : calls_) all.push_back(&entry);
  return all;
}

const PluginRecord* Registry::owner_of(std::string_view name) const {
  const auto* const found = find(taken_, name);
  return found ? *found : nullptr;
}

void Registry::forget(const PluginRecord& plugin) {
  const auto its = [&plugin](const auto& entry) { return entry.second.plugin == &plugin; };
  std::erase_if(unsubscribes_, [&plugin](const auto& entry) { return entry.second->plugin == &plugin; });
  std::erase_if(streams_, its);
  std::erase_if(calls_, its);
  std::erase_if(taken_, [&plugin](const auto& entry) { return entry.second == &plugin; });
}

void Enrolment::take(const std::string& name) {
  if (const auto* other = registry_.owner_of(name))
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

void Enrolment::commit() {
  for (auto& type : streams_) {
    const StreamOptions options = type->options();
    const auto placed = registry_.streams_.emplace(options.subscribe, StreamEntry{&plugin_, std::move(type)}).first;
    registry_.unsubscribes_.emplace(options.unsubscribe, &placed->second);
  }
  for (auto& type : calls_) {
    const std::string name = type->options().name;
    registry_.calls_.emplace(name, CallEntry{&plugin_, std::move(type)});
  }
  for (const auto& name : names_) registry_.taken_.emplace(name, &plugin_);
}

}  // namespace pillard::loader
