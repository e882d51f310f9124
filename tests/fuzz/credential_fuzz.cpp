// Logins: what is accepted is in the one spelling of its host, and accepted again as it is.
#include "fuzz/fuzz.h"
#include "session/credential.h"
#include "wire/utf8.h"

namespace pillard::fuzz {

/// The input: host, port, username and password, a line each.
void run(std::string_view input) {
  session::Credential credential;
  credential.host = take_until(input, '\n');
  for (const char c : take_until(input, '\n'))
    credential.port = static_cast<std::uint16_t>(credential.port * 10 + static_cast<unsigned char>(c) - '0');
  credential.username = take_until(input, '\n');
  credential.password = session::Secret(input);
  const auto taken = session::validate(credential);
  if (!taken) {
    FUZZ_REQUIRE(taken.error().code() == Code::kBadRequest && wire::is_utf8(taken.error().what()));
    return;
  }
  FUZZ_REQUIRE(taken->host.size() <= 253 && taken->host.find_first_of("[] /\\\n%") == std::string::npos);
  FUZZ_REQUIRE(!taken->host.starts_with('-') && !taken->username.starts_with('-'));
  const auto again = session::validate(*taken);
  FUZZ_REQUIRE(again.ok());
  FUZZ_REQUIRE(again->host == taken->host && again->port == taken->port && again->username == taken->username);
  FUZZ_REQUIRE(session::lane_key(*again) == session::lane_key(*taken));
  FUZZ_REQUIRE(session::node_key(*again) == session::node_key(*taken));
}

}  // namespace pillard::fuzz
