#pragma once
// `pillard record`: what a real node answers to a plugin, kept for the plugin's tests.
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "pillard/node.h"
#include "session/credential.h"
#include "ssh/host_keys.h"

namespace pillard::cli {

struct Subscription {
  std::string type;    // "subscribe_disk_usage"
  std::string params;  // JSON; empty: none
};

struct Record {
  session::Credential node;  // as validate() leaves it
  std::filesystem::path known_hosts;
  ssh::HostKeyMode host_keys = ssh::HostKeyMode::kAcceptNew;
  std::filesystem::path plugin;         // the .so
  std::filesystem::path configuration;  // its own; empty: it gets its defaults
  std::vector<Subscription> subscriptions;
  Milliseconds time{30'000};  // from the moment the node was reached
  std::filesystem::path to;   // the directory; made if it is not there
};

/// Logs in to the node with the plugin's streams running as in the daemon, and writes for each DIR/TYPE.recording (see
/// pillard/testing/recording.h) and DIR/TYPE.events (what it published, a line of JSON each). Neither holds anything of
/// the credential. A stream that fails is recorded as far as it went. No daemon is needed, nothing is overwritten, and
/// nothing is written when the node was not reached.
///
/// Throws std::runtime_error (LoadError, Error) for what cannot be done, in words for a terminal.
void record(const Record& wanted, std::ostream& out);

/// The words of the command line; secrets are taken from the environment or a file, never from there. Throws
/// UsageError, or Error that names what is wrong with the credential.
Record parse_record(const std::vector<std::string>& words);

}  // namespace pillard::cli
