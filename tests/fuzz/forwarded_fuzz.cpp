// Addresses, networks and what proxies say of their clients: any bytes give a client that is either the peer or stands
// in the field, and what a stranger writes in front of a trusted proxy's own words never changes them.
#include "fuzz/fuzz.h"
#include "wire/forwarded.h"

namespace pillard::fuzz {

namespace {

using By = wire::TrustedProxies::By;

wire::Address address(std::string_view text) { return wire::Address::parse(text).value(); }

void check_texts(std::string_view input) {
  if (const auto parsed = wire::Address::parse(input)) {
    FUZZ_REQUIRE(!parsed->unix_socket());
    FUZZ_REQUIRE(wire::Address::parse(parsed->text()) == parsed);
    FUZZ_REQUIRE(parsed->bytes().starts_with(parsed->group()));
    FUZZ_REQUIRE(wire::parse_node(input) == parsed);
    const auto itself = wire::Network::parse(parsed->text());
    FUZZ_REQUIRE(itself && itself->contains(*parsed));
  }
  if (const auto network = wire::Network::parse(input)) FUZZ_REQUIRE(!network->contains(wire::Address()));
  if (const auto steps = wire::parse_forwarded(input))
    for (const auto& step : *steps)
      if (step.from) FUZZ_REQUIRE(!step.from->unix_socket());
}

}  // namespace

/// The input: values of the field, one a line.
void run(std::string_view input) {
  check_texts(input);
  const auto peer = address("10.0.0.1");
  const auto honest = address("203.0.113.7");
  for (const auto by : {By::kXForwarded, By::kForwarded}) {
    const wire::TrustedProxies proxies({"10.0.0.0/8", "fd00::/8"}, by);
    const auto* const name = by == By::kForwarded ? "Forwarded" : "X-Forwarded-For";
    wire::TrustedProxies::Fields fields;
    for (auto rest = input; !rest.empty();) fields.emplace_back(name, take_until(rest, '\n'));

    const auto found = proxies.client(peer, false, fields);
    FUZZ_REQUIRE(!found.address.unix_socket());
    FUZZ_REQUIRE(found.address == peer || !fields.empty());
    FUZZ_REQUIRE((proxies.client(honest, true, fields) == wire::Client{honest, true}));

    // A proxy that adds a field of its own has the last word.
    fields.emplace_back(name, by == By::kForwarded ? "for=203.0.113.7;proto=https" : "203.0.113.7");
    FUZZ_REQUIRE(proxies.client(peer, false, fields).address == honest);
  }
  // And so has one that appends to the list that it got.
  const wire::TrustedProxies proxies({"10.0.0.0/8"}, By::kXForwarded);
  FUZZ_REQUIRE(proxies.client(peer, false, {{"X-Forwarded-For", std::string(input) + ", 203.0.113.7"}}).address ==
               honest);
}

}  // namespace pillard::fuzz
