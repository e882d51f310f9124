#pragma once
#include <Poco/Channel.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

namespace pillard::observe {

/// Writes each message as one line with one write. What a full pipe or a stopped terminal would not take at once is
/// dropped and counted; only if another process fills the same pipe between the look and the write, log() waits for its
/// reader, and all other threads that log wait behind it. Records (PRIO_NOTICE) are not dropped: kMostKept of them
/// wait, and are written before the next message that finds room, or at the end. Messages of up to PIPE_BUF - 1 (4095)
/// bytes are never mixed with other writers'.
class LineChannel final : public Poco::Channel {
 public:
  static constexpr std::size_t kMostKept = 1000;

  /// `fd` is not closed by this object.
  explicit LineChannel(int fd) : fd_(fd) {}
  /// [any]
  void log(const Poco::Message& message) override;
  /// [any] How many were dropped since the last call, if a line would be taken now; else 0.
  std::uint64_t take_dropped();

 protected:
  ~LineChannel() override;

 private:
  bool writable() const;
  void write(std::string_view line);
  bool write_kept();

  const int fd_;
  std::mutex mutex_;
  std::deque<std::string> kept_;  // guarded by mutex_
  std::uint64_t dropped_ = 0;     // guarded by mutex_
};

}  // namespace pillard::observe
