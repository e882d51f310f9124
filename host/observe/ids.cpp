#include "observe/ids.h"

namespace pillard::observe {

std::string base36(std::uint64_t id) {
  char digits[13];
  std::size_t at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[id % 36];
    id /= 36;
  } while (id != 0);
  return {digits + at, sizeof digits - at};
}

}  // namespace pillard::observe
