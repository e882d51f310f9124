#pragma once
// Which message type leads to which plugin's stream or call.
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "loader/plugin_record.h"
#include "pillard/registrar.h"

namespace pillard::loader {

struct StreamEntry {
  PluginRecord* plugin;
  std::unique_ptr<const StreamType> type;
};
struct CallEntry {
  PluginRecord* plugin;
  std::unique_ptr<const CallType> type;
};

/// Filled while plugins are loaded, not changed afterwards: look-ups are then [any], and what they return stays valid
/// as long as the Registry.
class Registry {
 public:
  Registry() = default;
  Registry(const Registry&) = delete;

  /// Null if no plugin offers it.
  const StreamEntry* find_subscribe(std::string_view type) const;
  const StreamEntry* find_unsubscribe(std::string_view type) const;
  const CallEntry* find_call(std::string_view type) const;

  /// In the order of their names.
  std::vector<const StreamEntry*> streams() const;
  std::vector<const CallEntry*> calls() const;

  /// The plugin that has taken `name` for a message type or an event; null if none has.
  const PluginRecord* owner_of(std::string_view name) const;

  /// [setup] Destroys what `plugin` registered.
  void forget(const PluginRecord& plugin);

 private:
  friend class Enrolment;
  template <class T>
  using ByName = std::map<std::string, T, std::less<>>;
  ByName<StreamEntry> streams_;  // by subscribe
  ByName<const StreamEntry*> unsubscribes_;
  ByName<CallEntry> calls_;
  ByName<const PluginRecord*> taken_;
};

/// What one plugin registers. Nothing of it is in the Registry before commit(): a plugin that fails half-way leaves no
/// trace. [setup]
class Enrolment final : public Registrar {
 public:
  Enrolment(Registry& registry, PluginRecord& plugin) : registry_(registry), plugin_(plugin) {}

  /// Throws std::invalid_argument for a name that this plugin or another has taken; the message names which.
  void add(std::unique_ptr<StreamType> type) override;
  void add(std::unique_ptr<CallType> type) override;

  /// Once, when setup() has succeeded.
  void commit();

 private:
  void take(const std::string& name);

  Registry& registry_;
  PluginRecord& plugin_;
  std::set<std::string> names_;
  std::vector<std::unique_ptr<StreamType>> streams_;
  std::vector<std::unique_ptr<CallType>> calls_;
};

}  // namespace pillard::loader
