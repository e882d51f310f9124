#include "load/options.h"

#include "arguments.h"

namespace pillard::bench {

const std::string_view kUsage = R"(pillard-load --connect HOST:PORT [OPTION VALUE..]
pillard-load probe --connect HOST:PORT [OPTION VALUE..]

  --connect HOST:PORT
  --mode socketio|ws        what is spoken; socketio unless told
  --path TARGET             /?EIO=4&transport=websocket for socketio, / for ws
  --origin URL              the header Origin; none unless told
  --token T                 the cookie ssh_session; repeatable, cycled over the connections
  --sources S               source addresses, 127.0.1.1 and on, if the server is on 127.*; 1
  --await open|connected|authenticated
                            when a connection is ready; open for ws, connected for socketio
  --send TEXT               sent by each connection once it is ready; repeatable

load:
  --connections N           1
  --at-once K               connections that are being made at the same time; 64

probe:
  --count N                 probes, one after the other; 1
  --pause MS                between them; 0
  --event NAME              wait for this event as well
  --timeout MS              for one probe; 30000

The load takes commands on stdin, one a line: mark, report, send TEXT, stall K, quit.
)";

namespace {

constexpr std::uint32_t kMany = 1'000'000;

Phase read_await(const Arguments& arguments) {
  const auto word = arguments.text();
  if (word == "open") return Phase::kOpen;
  if (word == "connected") return Phase::kConnected;
  if (word == "authenticated") return Phase::kAuthenticated;
  throw UsageError("--await: expected open, connected or authenticated, got '" + word + "'");
}

bool read_mode(const Arguments& arguments) {
  const auto word = arguments.text();
  if (word != "socketio" && word != "ws") throw UsageError("--mode: expected socketio or ws, got '" + word + "'");
  return word == "socketio";
}

bool read_peer_option(const Arguments& arguments, Options& options) {
  const auto name = arguments.name();
  if (name == "--connect") {
    options.connect = arguments.text();
  } else if (name == "--mode") {
    options.socketio = read_mode(arguments);
  } else if (name == "--path") {
    options.path = arguments.text();
  } else if (name == "--origin") {
    options.origin = arguments.text();
  } else if (name == "--token") {
    options.tokens.push_back(arguments.text());
  } else if (name == "--sources") {
    options.sources = arguments.number(1, 60'000);
  } else if (name == "--await") {
    options.await = read_await(arguments);
  } else if (name == "--send") {
    options.sends.push_back(arguments.text());
  } else {
    return false;
  }
  return true;
}

bool read_load_option(const Arguments& arguments, Options& options) {
  const auto name = arguments.name();
  if (name == "--connections") {
    options.connections = arguments.number(1, kMany);
  } else if (name == "--at-once") {
    options.at_once = arguments.number(1, kMany);
  } else {
    return false;
  }
  return true;
}

bool read_probe_option(const Arguments& arguments, Options& options) {
  const auto name = arguments.name();
  if (name == "--count") {
    options.count = arguments.number(1, kMany);
  } else if (name == "--pause") {
    options.pause = arguments.number(0);
  } else if (name == "--event") {
    options.event = arguments.text();
  } else if (name == "--timeout") {
    options.timeout = arguments.number(1, 1U << 30U);
  } else {
    return false;
  }
  return true;
}

}  // namespace

Options read_options(std::span<char*> words) {
  Options options;
  options.await = Phase::kNone;
  if (!words.empty() && std::string_view(words[0]) == "probe") {
    options.probe = true;
    words = words.subspan(1);
  }
  Arguments arguments(words);
  while (arguments.next()) {
    if (read_peer_option(arguments, options)) continue;
    const auto read = options.probe ? read_probe_option : read_load_option;
    if (!read(arguments, options)) arguments.refuse();
  }
  if (options.connect.empty()) throw UsageError("--connect is needed");
  if (options.path.empty()) options.path = options.socketio ? "/?EIO=4&transport=websocket" : "/";
  if (options.await == Phase::kNone) options.await = options.socketio ? Phase::kConnected : Phase::kOpen;
  if (!options.socketio && options.await != Phase::kOpen) throw UsageError("--mode ws has only --await open");
  return options;
}

}  // namespace pillard::bench
