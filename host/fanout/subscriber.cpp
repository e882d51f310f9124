#include "fanout/subscriber.h"

namespace pillard::fanout {

SharedBatch Flow::gap(std::uint64_t dropped) const {
  std::string json = key_.substr(0, key_.size() - 1);  // without its closing brace
  if (json.size() > 1) json += ',';
  json += "\"dropped\":" + std::to_string(dropped) + '}';
  std::string frame;
  encoder_.encode(frame, options_.gap, json);
  return single(std::move(frame));
}

}  // namespace pillard::fanout
