// known_hosts: any lines are read or left out with a warning, and none of them hides a key that stands behind them.
#include <libssh2.h>

#include "fuzz/fuzz.h"
#include "ssh/known_hosts.h"

namespace pillard::fuzz {

namespace {

constexpr std::string_view kKey(
    "\0\0\0\x0bssh-ed25519\0\0\0\x20"
    "0123456789abcdef0123456789abcdef",
    51);

}  // namespace

void run(std::string_view input) {
  FUZZ_REQUIRE(ssh::type_of(input).size() <= 64);
  std::vector<std::string> lines;
  while (!input.empty() && lines.size() < 64) lines.emplace_back(take_until(input, '\n'));
  const ssh::KnownHosts before("", lines);
  FUZZ_REQUIRE(before.readable());
  FUZZ_REQUIRE(before.warnings().size() <= 2 * lines.size());
  const auto name = ssh::name_in_file("Node.Example", 2222);
  before.match(name, kKey);
  before.knows_type(name, LIBSSH2_KNOWNHOST_KEY_ED25519);
  lines.push_back(name + " " + ssh::type_of(kKey) + " " + ssh::base64(kKey));
  const ssh::KnownHosts after("", lines);
  FUZZ_REQUIRE(after.match(name, kKey) == ssh::KnownHosts::Match::kMatch);
  FUZZ_REQUIRE(after.revoked(kKey) == before.revoked(kKey));
  FUZZ_REQUIRE(after.knows_type(name, LIBSSH2_KNOWNHOST_KEY_ED25519));
}

}  // namespace pillard::fuzz
