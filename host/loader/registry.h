#pragma once
// Which message type leads to which plugin's stream or call.
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "loader/generation.h"
#include "loader/plugin_record.h"
#include "pillard/registrar.h"

namespace pillard::loader {

/// [any] What clients are told of a message type that nothing stands behind any more.
Error not_offered(const PluginRecord& plugin, std::string_view type);
inline const std::string& name_of(const StreamOptions& options) noexcept { return options.subscribe; }
inline const std::string& name_of(const CallOptions& options) noexcept { return options.name; }

/// A message type that a plugin offers. It stays as long as the Registry; what stands behind it does not: another
/// version of the plugin may take over, or nothing be left.
template <class Type>
class Entry {
 public:
  using Options = std::remove_cvref_t<decltype(std::declval<const Type&>().options())>;

  Entry(PluginRecord& plugin, std::shared_ptr<const Type> type)
      : plugin_(plugin), options_(type->options()), type_(std::move(type)) {}
  Entry(const Entry&) = delete;

  PluginRecord& plugin() const noexcept { return plugin_; }
  /// All that clients see of them is the same for every version; for the rest ask type().
  const Options& options() const noexcept { return options_; }
  /// [any] What stands behind it now; null: nothing any more.
  std::shared_ptr<const Type> type() const {
    const std::lock_guard lock(mutex_);
    return type_;
  }
  /// [any] The same; throws not_offered() instead of null.
  std::shared_ptr<const Type> working() const {
    auto type = this->type();
    if (!type) throw not_offered(plugin_, name_of(options_));
    return type;
  }

 private:
  friend class Registry;
  /// Returns the former one, which may be the last that holds its plugin: let it go without a lock.
  [[nodiscard]] std::shared_ptr<const Type> replace(std::shared_ptr<const Type> type) {
    const std::lock_guard lock(mutex_);
    return std::exchange(type_, std::move(type));
  }

  PluginRecord& plugin_;
  const Options options_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Type> type_;  // guarded by mutex_
};

struct StreamEntry final : Entry<StreamType> {
  StreamEntry(PluginRecord& plugin, const std::shared_ptr<const StreamType>& type);
  // [any] How many run on nodes, and how many subscriptions there are to them.
  observe::Gauge& topics;
  observe::Gauge& subscriptions;
};
struct CallEntry final : Entry<CallType> {
  using Entry::Entry;
};

template <class Type>
Error not_offered(const Entry<Type>& entry) {
  return not_offered(entry.plugin(), name_of(entry.options()));
}

/// [any] Whoever finds an entry may keep it.
class Registry {
 public:
  Registry() = default;
  Registry(const Registry&) = delete;

  /// Null if no plugin offers it. Of a plugin that was stopped they find what nothing stands behind any more.
  const StreamEntry* find_subscribe(std::string_view type) const;
  const StreamEntry* find_unsubscribe(std::string_view type) const;
  const CallEntry* find_call(std::string_view type) const;

  /// What something stands behind, in the order of their names.
  std::vector<const StreamEntry*> streams() const;
  std::vector<const CallEntry*> calls() const;

  /// The plugin that has taken `name` for a message type or an event; null if none has.
  const PluginRecord* owner_of(std::string_view name) const;

  /// Another number after each change.
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

  /// Nothing stands behind what `plugin` offers any more; its names stay taken.
  void withdraw(const PluginRecord& plugin);
  /// And its names are free again.
  void forget(const PluginRecord& plugin);

 private:
  friend class Enrolment;
  template <class T>
  using ByName = std::map<std::string, T, std::less<>>;
  /// What must not go while a lock is held.
  using Gone = std::vector<std::shared_ptr<const void>>;
  template <class EntryT, class Type>
  void offer(ByName<std::unique_ptr<EntryT>>& entries, PluginRecord& plugin, const std::string& name,
             std::shared_ptr<const Type> type, Gone& gone);
  void retire(const PluginRecord& plugin, const std::set<std::string>& but, Gone& gone);
  void changed() noexcept { version_.fetch_add(1, std::memory_order_release); }

  std::atomic<std::uint64_t> version_{0};
  mutable std::shared_mutex mutex_;               // guards all below
  ByName<std::unique_ptr<StreamEntry>> streams_;  // by subscribe
  ByName<const StreamEntry*> unsubscribes_;
  ByName<std::unique_ptr<CallEntry>> calls_;
  ByName<const PluginRecord*> taken_;
  // Not found any more; who has found them before may still look at them.
  std::vector<std::unique_ptr<StreamEntry>> former_streams_;
  std::vector<std::unique_ptr<CallEntry>> former_calls_;
};

/// What one version of a plugin registers. Nothing of it is in the Registry before commit(): a plugin that fails
/// half-way leaves no trace. [setup]
class Enrolment final : public Registrar {
 public:
  Enrolment(Registry& registry, PluginRecord& plugin) : registry_(registry), plugin_(plugin) {}

  /// Throws std::invalid_argument for a name that another plugin has taken, or this one twice; the message says which.
  void add(std::unique_ptr<StreamType> type) override;
  void add(std::unique_ptr<CallType> type) override;

  /// Once, when setup() has succeeded. Takes the place of what the plugin's former version registered: where all that
  /// clients see of a message type is the same, its entry stays.
  void commit(const std::shared_ptr<Generation>& generation);
  /// For types without a Plugin object.
  void commit() { commit(make_generation(plugin_, nullptr)); }

 private:
  void take(const std::string& name);

  Registry& registry_;
  PluginRecord& plugin_;
  std::set<std::string> names_;
  std::vector<std::unique_ptr<StreamType>> streams_;
  std::vector<std::unique_ptr<CallType>> calls_;
};

}  // namespace pillard::loader
