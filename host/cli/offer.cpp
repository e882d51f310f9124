#include "cli/offer.h"

#include "cli/one_plugin.h"

namespace pillard::cli {

Offer read_offer(const std::filesystem::path& plugin, const std::filesystem::path& configuration) {
  observe::Log log({.level = Level::kWarning});
  observe::Metrics metrics;
  OnePlugin loaded(plugin, loader::Services{.log = log, .metrics = metrics});
  const auto config = read_configuration(configuration);
  loaded.create();
  loaded.set_up(config);
  if (const auto mistakes = config.mistakes(); !mistakes.empty()) throw std::runtime_error(mistakes.front().text());
  Offer offer{.plugin = std::string(loaded.manifest().name), .streams = {}, .calls = {}};
  for (const auto* stream : loaded.registry().streams())
    offer.streams.push_back({.options = stream->options(),
                             .params = stream->working()->params().json,
                             .event = stream->working()->event_schema()});
  for (const auto* call : loaded.registry().calls())
    offer.calls.push_back({.options = call->options(),
                           .params = call->working()->params().json,
                           .response = call->working()->response_schema()});
  return offer;
}

}  // namespace pillard::cli
