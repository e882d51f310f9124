// The way of one line, without sockets: what a core could do at most. Prints a JSON object a line.
#include <Poco/JSON/Object.h>
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>

#include "client_logs.h"
#include "fanout/latecomers.h"
#include "observe/metrics.h"
#include "transport/compression.h"
#include "wire/socket_io.h"

namespace {
using namespace pillard;
using Clock = std::chrono::steady_clock;

class RootEncoder final : public fanout::Encoder {
 public:
  void encode(std::string& out, const fanout::Label& label, std::string_view json, std::string_view) const override {
    const auto event = label.type;
    wire::socket_io::append_event_frame(out, "/", event, json);
  }
};

/// An export of the journal with so many lines of 150 characters.
std::string journal(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i) {
    auto line = fmt::format("seq={:012} t={:019} ", i, 1764051234567890123 + i);
    line.resize(150, 'x');
    text += fmt::format(
        "__CURSOR=s=3ed863e663574105b7994a75fb22ca7c;i={:x};b=511bf8c4ea224c6baf9d5c3f17165cef;m=96c64f21;"
        "t=660e68391a0f4;x=9b4e5e0f1c2d3a4b\n__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n"
        "_BOOT_ID=511bf8c4ea224c6baf9d5c3f17165cef\nPRIORITY=6\n_STREAM_ID=0f2b6a7d1c9e4f3fa1d2c3b4a5968778\n"
        "MESSAGE={}\n\n",
        i, 1764051234567890 + i, 123456789 + i, line);
  }
  return text;
}

/// Runs `turn` (which does `items`) for two seconds and prints what one item takes.
template <class Fn>
void measure(std::string_view name, std::size_t items, Fn turn) {
  turn();
  std::size_t turns = 0;
  const auto begin = Clock::now();
  auto now = begin;
  for (; now - begin < std::chrono::seconds(2); now = Clock::now(), ++turns) turn();
  const auto ns = std::chrono::duration<double, std::nano>(now - begin).count() / static_cast<double>(turns * items);
  fmt::print("{{\"name\":\"{}\",\"ns\":{:.1f},\"per_second\":{:.0f}}}\n", name, ns, 1e9 / ns);
}

client_logs::LogLine line_of(const client_logs::Entry& entry) {
  return {.service = "execution",
          .line = entry.message,
          .timestamp = entry.unix_ms(),
          .priority = entry.priority,
          .cursor = entry.cursor};
}

std::size_t sink = 0;  // so that nothing is left out as unused
}  // namespace

int main() {
  constexpr int kLines = 4096;
  constexpr std::size_t kBatch = 16;
  const auto text = journal(kLines);
  const RootEncoder encoder;

  measure("journal entry to shared frame", kLines, [&] {
    client_logs::ExportParser parser;
    fanout::Ring ring(512 << 10);
    std::vector<fanout::SharedEvent> pending;
    const auto flush = [&] {
      const auto batch = fanout::encode_batch(encoder, {.type = "log_data", .batch = {}, .topic = {}}, pending);
      sink += batch->bytes.size();
      pending.clear();
    };
    for (std::string_view rest = text; !rest.empty();) {  // as a channel hands it over
      const auto piece = rest.substr(0, 32 * 1024);
      rest.remove_prefix(piece.size());
      parser.feed(piece, [&](client_logs::Entry& entry) {
        std::string json;
        json.reserve(256);
        encode(json, line_of(entry));
        if (!json::valid(json)) std::abort();
        pending.push_back(
            std::make_shared<const fanout::Event>(fanout::Event{.json = std::move(json), .cursor = entry.cursor}));
        ring.push(pending.back(), 1000);
        if (pending.size() == kBatch) flush();
      });
    }
    if (!pending.empty()) flush();
  });

  client_logs::Entry entry;
  client_logs::ExportParser parser;
  parser.feed(std::string_view(text).substr(0, text.find("\n\n") + 2), [&](client_logs::Entry& one) { entry = one; });
  measure("JSON of an SDK publish", 1000, [&] {
    for (int i = 0; i < 1000; ++i) {
      const auto json = encoded(line_of(entry));
      sink += json.size() + static_cast<std::size_t>(json::valid(json));
    }
  });
  measure("the same by Poco::JSON", 1000, [&] {
    for (int i = 0; i < 1000; ++i) {
      const auto line = line_of(entry);
      Poco::JSON::Object object;
      object.set("service", std::string(line.service));
      object.set("line", std::string(line.line));
      object.set("timestamp", line.timestamp);
      object.set("priority", line.priority);
      object.set("cursor", std::string(line.cursor));
      std::ostringstream out;
      object.stringify(out);
      sink += out.str().size();
    }
  });
  std::string frame;
  encoder.encode(frame, {.type = "log_data", .batch = {}, .topic = {}}, encoded(line_of(entry)), {});
  const auto message = std::string(wire::read_own_ws_frame(frame).payload);
  observe::Metrics metrics;
  transport::Compression compression({.deflate = true}, metrics);
  constexpr int kWindowBits = 12;
  measure("the frame of a line, compressed once for all", 1000, [&] {
    for (int i = 0; i < 1000; ++i) {
      frame.clear();
      compression.append_frame(frame, wire::WsOpcode::kText, message, kWindowBits);
      sink += frame.size();
    }
  });
  wire::WsDeflater deflater({.window_bits = kWindowBits, .context_takeover = true});
  measure("the same for one client, with a context", 1000, [&] {
    for (int i = 0; i < 1000; ++i) {
      frame.clear();
      deflater.append_frame(frame, wire::WsOpcode::kText, message);
      sink += frame.size();
    }
  });
  return sink == 0 ? 1 : 0;
}
