#pragma once
// Names for connections in logs: they tell one from another and nothing else.
#include <atomic>
#include <cstdint>
#include <string>

namespace pillard::observe {

/// [any] `id` in base 36: "1", "z", "10". At most 13 characters.
std::string base36(std::uint64_t id);

/// Numbers from 1 upwards, each handed out once in the life of the process. 0 is never one: it may stand for "none".
class Ids {
 public:
  /// [any]
  std::uint64_t next() noexcept { return last_.fetch_add(1, std::memory_order_relaxed) + 1; }

 private:
  std::atomic<std::uint64_t> last_{0};
};

}  // namespace pillard::observe
