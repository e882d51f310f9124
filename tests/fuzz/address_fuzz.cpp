// Addresses, networks and origins of the configuration: one spelling each, and one idea of what a network is.
#include "config.h"
#include "fuzz/fuzz.h"
#include "ssh/egress.h"

namespace pillard::fuzz {

/// The input: one text a line.
void run(std::string_view input) {
  std::vector<std::string> networks;
  while (!input.empty()) {
    const auto text = take_until(input, '\n');
    if (const auto endpoint = config::parse_endpoint(text))
      FUZZ_REQUIRE(config::parse_endpoint(endpoint->text()) == endpoint);
    if (const auto origin = config::parse_origin(text)) FUZZ_REQUIRE(config::parse_origin(*origin) == origin);
    const bool network = config::valid_network(text);
    FUZZ_REQUIRE(ssh::Egress::parse({.allow = {std::string(text)}, .deny = {}}).ok() == network);
    if (network) networks.emplace_back(text);
    Poco::Net::IPAddress address;
    if (!Poco::Net::IPAddress::tryParse(std::string(text), address)) continue;
    // What is denied stays denied, whatever is allowed; nothing denied makes another address reachable.
    const auto denied = ssh::Egress::parse({.allow = networks, .deny = networks});
    const auto defaults = ssh::Egress();
    FUZZ_REQUIRE(denied.ok());
    FUZZ_REQUIRE(!denied->allowed(address) || defaults.allowed(address));
  }
}

}  // namespace pillard::fuzz
