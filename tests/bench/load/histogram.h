#pragma once
// Counts of values in buckets that grow with the value.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace pillard::bench {

/// Each power of two is cut into 64 buckets: what a percentile gives is less than 1 % off. The maximum is exact.
class Histogram {
 public:
  void add(std::uint64_t value) noexcept {
    ++buckets_[index(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  std::uint64_t max() const noexcept { return max_; }
  /// The value that a `share` (0 to 1) of all values does not exceed; 0 if there are none.
  std::uint64_t percentile(double share) const noexcept {
    const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t at = 0; at < buckets_.size(); ++at) {
      seen += buckets_[at];
      if (seen >= rank && seen > 0) return std::min(middle(at), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::size_t kStep = std::size_t{1} << kBits;

  static std::size_t index(std::uint64_t value) noexcept {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    const unsigned shift = width > kBits + 1 ? width - kBits - 1 : 0;
    return shift * kStep + (value >> shift);
  }
  static std::uint64_t middle(std::size_t index) noexcept {
    if (index < 2 * kStep) return index;
    const auto shift = index / kStep - 1;
    return (std::uint64_t{index - shift * kStep} << shift) + (std::uint64_t{1} << (shift - 1));
  }

  std::array<std::uint64_t, (64 - kBits - 1) * kStep + 2 * kStep> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace pillard::bench
