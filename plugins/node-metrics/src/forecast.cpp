#include "forecast.h"

#include <algorithm>
#include <cmath>

namespace node_metrics {

namespace {
constexpr std::size_t kMaxPoints = 64;
constexpr std::size_t kFewestPoints = 8;
constexpr double kShortest = 60;                        // s
constexpr double kWidest = 600;                         // s between two points
constexpr double kLongest = 10.0 * 365 * 24 * 60 * 60;  // s
}  // namespace

void FillHistory::add(double uptime, std::uint64_t used) {
  if (!points_.empty() && uptime < points_.back().uptime) {
    points_.clear();
    slope_.reset();
    spacing_ = 5;
  }
  // A look comes a little early at times.
  if (!points_.empty() && uptime - points_.back().uptime < spacing_ * 0.95) return;
  if (points_.size() == kMaxPoints) thin_out();
  points_.push_back({uptime, static_cast<double>(used)});
  find_slope();
}

void FillHistory::thin_out() {
  if (spacing_ * 2 > kWidest) {
    points_.erase(points_.begin());
    return;
  }
  std::size_t kept = 0;
  for (std::size_t at = 1; at < points_.size(); at += 2) points_[kept++] = points_[at];
  points_.resize(kept);
  spacing_ *= 2;
}

void FillHistory::find_slope() {
  slope_.reset();
  if (points_.size() < kFewestPoints || points_.back().uptime - points_.front().uptime < kShortest) return;
  std::vector<double> slopes;
  slopes.reserve(points_.size() * (points_.size() - 1) / 2);
  for (std::size_t late = 1; late < points_.size(); ++late)
    for (std::size_t early = 0; early < late; ++early)
      slopes.push_back((points_[late].used - points_[early].used) / (points_[late].uptime - points_[early].uptime));
  const auto quarter = slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 4);
  std::nth_element(slopes.begin(), quarter, slopes.end());
  if (*quarter <= 0) return;
  const auto middle = slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 2);
  std::nth_element(slopes.begin(), middle, slopes.end());
  slope_ = *middle;
}

std::optional<std::int64_t> FillHistory::full_in(std::uint64_t available) const {
  if (!slope_) return std::nullopt;
  const double seconds = static_cast<double>(available) / *slope_;
  if (!(seconds <= kLongest)) return std::nullopt;
  return static_cast<std::int64_t>(std::floor(seconds));
}

}  // namespace node_metrics
