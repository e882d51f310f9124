// Engine.IO: what is read from a polling body is read again from the body that it is written to.
#include <tuple>
#include <vector>

#include "fuzz/fuzz.h"
#include "wire/engine_io.h"
#include "wire/utf8.h"

namespace pillard::fuzz {

namespace {

namespace eio = wire::engine_io;
using Packets = std::vector<std::tuple<eio::Type, bool, std::string>>;

Packets read(std::string_view body, bool& failed) {
  Packets packets;
  eio::PayloadReader reader(body);
  while (const auto packet = reader.next()) packets.emplace_back(packet->type, packet->binary, packet->data);
  FUZZ_REQUIRE(!reader.next());
  failed = reader.failed();
  return packets;
}

}  // namespace

void run(std::string_view input) {
  if (const auto packet = eio::decode(input)) {
    std::string again;
    eio::append_packet(again, packet->type, packet->data);
    FUZZ_REQUIRE(again == input);
  }
  bool failed = false;
  const auto packets = read(input, failed);
  std::string body;
  for (const auto& [type, binary, data] : packets) {
    FUZZ_REQUIRE(!binary || type == eio::Type::kMessage);
    FUZZ_REQUIRE(binary || wire::is_utf8(data));
    if (binary) {
      eio::append_binary_to_payload(body, data);
    } else {
      eio::append_to_payload(body, type, data);
    }
  }
  if (!failed) FUZZ_REQUIRE(body == input);
  if (packets.empty()) return;
  FUZZ_REQUIRE(read(body, failed) == packets);
  FUZZ_REQUIRE(!failed);
}

}  // namespace pillard::fuzz
