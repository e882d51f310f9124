#include "fanout/subscriber.h"

#include <fmt/format.h>

namespace pillard::fanout {

std::string topic_name(const StreamOptions& options, std::string_view key) {
  if (key == "{}") return options.event;
  std::uint64_t digest = 0xcbf29ce484222325;  // FNV-1a
  for (const char byte : key) digest = (digest ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return fmt::format("{}#{:016x}", options.event, digest);
}

void Encoder::encode_all(Batch& out, const Label& label, std::span<const SharedEvent> events) const {
  // Once and not too much: batches wait in the outboxes of those who read slowly.
  constexpr std::size_t kAround = 32;  // headers, quotes, brackets
  std::size_t size = out.bytes.size();
  for (const auto& event : events) size += event->json.size() + label.type.size() + kAround;
  out.bytes.reserve(size);
  out.ends.reserve(out.ends.size() + events.size());
  for (const auto& event : events) {
    encode(out.bytes, label, event->json, event->cursor);
    out.ends.push_back(static_cast<std::uint32_t>(out.bytes.size()));
  }
}

SharedBatch Flow::gap(std::uint64_t dropped) const {
  std::string json = key_.substr(0, key_.size() - 1);  // without its closing brace
  if (json.size() > 1) json += ',';
  json += "\"dropped\":" + std::to_string(dropped) + '}';
  std::string frame;
  encoder_.encode(frame, {.type = options_.gap, .batch = {}, .topic = topic()}, json, {});
  return single(std::move(frame));
}

}  // namespace pillard::fanout
