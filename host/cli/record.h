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

/// What is asked of the plugin.
struct Request {
  std::string type;    // "subscribe_disk_usage", "get_config"
  std::string params;  // JSON; empty: none
};

struct Record {
  session::Credential node;  // as validate() leaves it
  std::filesystem::path known_hosts;
  ssh::HostKeyMode host_keys = ssh::HostKeyMode::kAcceptNew;
  std::filesystem::path plugin;         // the .so
  std::filesystem::path configuration;  // its own; empty: it gets its defaults
  std::vector<Request> subscriptions;
  std::vector<Request> calls;
  Milliseconds time{30'000};  // from the moment the node was reached
  std::filesystem::path to;   // the directory; made if it is not there
};

/// Logs in to the node with the plugin's streams and calls running as in the daemon, and writes for each
/// DIR/TYPE.recording (see pillard/testing/recording.h), for a stream DIR/TYPE.events (what it published, a line of
/// JSON each), and for a call that was answered DIR/TYPE.reply or DIR/TYPE.problem (a line of JSON). None holds
/// anything of the credential. What fails is recorded as far as it went. It ends when all streams and calls are over,
/// or with SIGINT or SIGTERM; what there is by then is written. No daemon is needed, nothing is overwritten, and
/// nothing is written when the node was not reached.
///
/// Throws std::runtime_error (LoadError, Error) for what cannot be done, in words for a terminal.
void record(const Record& wanted, std::ostream& out);

/// The words of the command line; secrets are taken from the environment or a file, never from there. Throws
/// UsageError, or Error that names what is wrong with the credential.
Record parse_record(const std::vector<std::string>& words);

}  // namespace pillard::cli
