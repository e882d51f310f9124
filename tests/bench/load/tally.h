#pragma once
// What has been counted since the last mark.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clock.h"
#include "load/histogram.h"
#include "load/lines.h"

namespace pillard::bench {

class Tally {
 public:
  explicit Tally(std::uint32_t connections) : tracks_(connections) {}

  /// `now`: CLOCK_REALTIME in ns, when the message was read.
  void add_message(std::uint32_t connection, std::string_view payload, std::uint64_t now) {
    ++messages_;
    for_each_line(payload, [&, this](const Line& line) { add_line(tracks_[connection], line, now); });
  }
  void add_bytes(std::size_t bytes) noexcept { bytes_ += bytes; }
  void add_closed() noexcept { ++closed_; }
  /// The report no longer tells of its lines as the fewest.
  void leave_out(std::uint32_t connection) noexcept { tracks_[connection].left_out = true; }

  /// From now on flowing() waits for a line of every connection.
  void await_flow() noexcept;
  bool flowing() const noexcept { return dry_ == 0; }

  /// Zeroes everything but the sequences and the closed connections.
  void mark();
  /// One line of JSON.
  std::string report() const;

 private:
  struct Track {
    std::uint64_t last = 0;   // sequence number
    std::uint64_t lines = 0;  // since the mark
    bool begun = false;       // `last` is one
    bool dry = false;         // a line is still awaited by flowing()
    bool left_out = false;
  };

  void add_line(Track& track, const Line& line, std::uint64_t now) noexcept {
    ++lines_;
    ++track.lines;
    latency_.add(now > line.written ? now - line.written : 0);
    if (track.dry) {
      track.dry = false;
      --dry_;
    }
    if (track.begun && line.sequence <= track.last) {
      ++repeated_;
      return;
    }
    if (track.begun) lost_ += line.sequence - track.last - 1;
    track.last = line.sequence;
    track.begun = true;
  }

  std::vector<Track> tracks_;
  Histogram latency_;  // ns
  std::uint64_t messages_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t repeated_ = 0;
  std::uint64_t closed_ = 0;
  std::size_t dry_ = 0;
  std::uint64_t since_ = steady_ns();
  std::uint64_t cpu_since_ = cpu_ns();
};

}  // namespace pillard::bench
