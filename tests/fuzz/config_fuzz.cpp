// The configuration: any file, any --set and any environment give settings or mistakes in words, never an exception;
// what is taken without a mistake is within its bounds.
#include "config.h"
#include "fuzz/fuzz.h"
#include "wire/address.h"

namespace pillard::fuzz {

namespace {

void check(const config::Settings& settings) {
  FUZZ_REQUIRE(!settings.server.listen.empty());
  for (const auto& endpoint : settings.server.listen) FUZZ_REQUIRE(config::parse_endpoint(endpoint.text()) == endpoint);
  for (const auto& origin : settings.server.origins) FUZZ_REQUIRE(config::parse_origin(origin) == origin);
  FUZZ_REQUIRE(settings.server.path.starts_with('/'));
  FUZZ_REQUIRE(settings.server.base.empty() ||
               (settings.server.base.starts_with('/') && settings.server.base.size() > 1));
  FUZZ_REQUIRE(!settings.server.base.ends_with('/') && settings.server.unix_mode <= 0777);
  for (const auto& proxy : settings.server.trusted_proxies)
    FUZZ_REQUIRE(proxy == "unix" || wire::Network::parse(proxy));
  for (const auto& network : settings.ssh.allow) FUZZ_REQUIRE(config::valid_network(network));
  for (const auto& network : settings.ssh.deny) FUZZ_REQUIRE(config::valid_network(network));
  FUZZ_REQUIRE(settings.session.ttl.count() > 0 && settings.session.max > 0);
  FUZZ_REQUIRE(settings.engine.ping_interval.count() > 0 && settings.engine.ping_timeout.count() > 0);
  FUZZ_REQUIRE(settings.engine.max_payload > 0 && settings.limits.outbox_bytes > 0 && settings.limits.connections > 0);
  for (const auto& plugin : settings.plugins.enabled)
    FUZZ_REQUIRE(!plugin.empty() && plugin.find_first_of("/.") == std::string::npos);
}

}  // namespace

/// The input: the file; behind a NUL lines that are --set arguments; behind another NUL lines of environment.
void run(std::string_view input) {
  config::Sources sources{.file = "/etc/pillard/pillard.ini", .executable = "/usr/bin/pillard"};
  sources.text = take_until(input, '\0');
  auto sets = take_until(input, '\0');
  while (!sets.empty()) sources.sets.emplace_back(take_until(sets, '\n'));
  while (!input.empty()) {
    auto variable = take_until(input, '\n');
    const auto name = take_until(variable, '=');
    sources.environment[std::string(name)] = variable;
  }
  const auto loaded = config::load(sources);
  for (const auto& mistake : loaded.mistakes) {
    FUZZ_REQUIRE(!mistake.message.empty());
    FUZZ_REQUIRE(mistake.text().find('\n') == std::string::npos);
  }
  for (const auto& warning : loaded.warnings) FUZZ_REQUIRE(!warning.empty());
  if (loaded.mistakes.empty()) check(loaded.settings);
}

}  // namespace pillard::fuzz
