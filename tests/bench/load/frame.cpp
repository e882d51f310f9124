#include "load/frame.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <stdexcept>

namespace pillard::bench {
namespace {

constexpr std::uint64_t kLongest = 64U << 20U;

std::uint64_t big_endian(const char* at, int bytes) {
  std::uint64_t number = 0;
  for (int i = 0; i < bytes; ++i) number = number << 8U | static_cast<unsigned char>(at[i]);
  return number;
}

void append_big_endian(std::string& out, std::uint64_t number, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(number >> (8U * static_cast<unsigned>(i))));
}

[[noreturn]] void refuse(unsigned first, unsigned second) {
  throw std::runtime_error(
      fmt::format("a frame that begins {:02x} {:02x}: masked, fragmented or with an unknown opcode", first, second));
}

bool known(unsigned first) {
  switch (first) {
    case 0x81:
    case 0x82:
    case 0x88:
    case 0x89:
    case 0x8A: return true;
    default: return false;
  }
}

}  // namespace

Frame read_frame(std::string_view bytes) {
  Frame frame;
  if (bytes.size() < frame.needed) return frame;
  const unsigned first = static_cast<unsigned char>(bytes[0]);
  const unsigned second = static_cast<unsigned char>(bytes[1]);
  if (!known(first) || (second & 0x80U) != 0) refuse(first, second);
  frame.opcode = static_cast<Opcode>(first & 0x0FU);

  std::size_t header = 2;
  std::uint64_t length = second;
  if (second >= 126) {
    const int bytes_of_length = second == 126 ? 2 : 8;
    header += static_cast<std::size_t>(bytes_of_length);
    frame.needed = header;
    if (bytes.size() < header) return frame;
    length = big_endian(bytes.data() + 2, bytes_of_length);
    if (length > kLongest) throw std::runtime_error(fmt::format("a frame of {} bytes", length));
  }
  frame.needed = header + length;
  if (bytes.size() >= frame.needed) frame.payload = bytes.substr(header, length);
  return frame;
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  out.push_back(static_cast<char>(0x80U | static_cast<unsigned>(opcode)));
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80U | payload.size()));
  } else if (payload.size() < 65536) {
    out.push_back(static_cast<char>(0x80U | 126U));
    append_big_endian(out, payload.size(), 2);
  } else {
    out.push_back(static_cast<char>(0x80U | 127U));
    append_big_endian(out, payload.size(), 8);
  }
  char mask[4] = {};
  if (::getrandom(mask, sizeof(mask), 0) != sizeof(mask)) throw std::runtime_error("no random bytes");
  out.append(mask, sizeof(mask));
  for (std::size_t i = 0; i < payload.size(); ++i) out.push_back(static_cast<char>(payload[i] ^ mask[i % 4]));
}

}  // namespace pillard::bench
