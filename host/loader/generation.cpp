#include "loader/generation.h"

#include "loader/guard.h"

namespace pillard::loader {

Generation::~Generation() {
  for (auto& type : streams_) destroy(record_, type);
  for (auto& type : calls_) destroy(record_, type);
  if (plugin_) destroy(record_, plugin_);
}

std::shared_ptr<Generation> make_generation(PluginRecord& record, std::unique_ptr<Plugin> plugin, Dispose dispose) {
  auto made = std::make_unique<Generation>(record, std::move(plugin));
  if (!dispose) return made;
  return {made.release(),
          [dispose = std::move(dispose)](Generation* gone) { dispose(std::unique_ptr<Generation>(gone)); }};
}

}  // namespace pillard::loader
