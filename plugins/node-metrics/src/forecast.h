#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace node_metrics {

/// How full a filesystem was, over the time that it was watched, and when it will be full if it goes on like that.
///
/// 64 points at most. When they are full every other one goes and the next are twice as far apart, from 5 s up to
/// 10 minutes: after 5 minutes of watching it looks back over all of them, and in the end over half a day.
class FillHistory {
 public:
  /// `uptime`: the node's, in seconds. One that went back begins anew.
  void add(double uptime, std::uint64_t used);

  /// Seconds until `available` bytes are used up: by the median of the slopes between all pairs of points (Theil-Sen),
  /// which neither one large file that comes nor one that goes changes. Nothing while there are less than 8 points or
  /// a minute; where less than three quarters of the pairs rise, as with what is tidied up as fast as it grows; and for
  /// more than ten years.
  std::optional<std::int64_t> full_in(std::uint64_t available) const;

 private:
  struct Point {
    double uptime;
    double used;
  };
  void thin_out();
  void find_slope();

  std::vector<Point> points_;
  double spacing_ = 5;           // s
  std::optional<double> slope_;  // bytes a second; nothing: it does not fill, or too little is known
};

}  // namespace node_metrics
