#include "observe/line_channel.h"

#include <Poco/Message.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace pillard::observe {

bool LineChannel::writable() const {
  // POLLOUT promises room for PIPE_BUF bytes in a pipe, and more in a socket.
  pollfd poll_fd{fd_, POLLOUT, 0};
  return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLOUT) != 0 &&
         (poll_fd.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

LineChannel::~LineChannel() { write_kept(); }

void LineChannel::log(const Poco::Message& message) {
  std::string line = message.getText();
  line += '\n';
  const std::lock_guard lock(mutex_);
  if (write_kept() && writable()) return write(line);
  if (message.getPriority() == Poco::Message::PRIO_NOTICE && kept_.size() < kMostKept) {
    kept_.push_back(std::move(line));
  } else {
    ++dropped_;
  }
}

/// Whether none is left.
bool LineChannel::write_kept() {
  while (!kept_.empty() && writable()) {
    write(kept_.front());
    kept_.pop_front();
  }
  return kept_.empty();
}

void LineChannel::write(std::string_view line) {
  std::string_view left = line;
  while (!left.empty()) {
    const auto written = ::write(fd_, left.data(), left.size());
    if (written > 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (written == 0 || errno != EINTR) {
      ++dropped_;
      return;
    }
  }
}

std::uint64_t LineChannel::take_dropped() {
  const std::lock_guard lock(mutex_);
  return dropped_ != 0 && writable() ? std::exchange(dropped_, 0) : 0;
}

}  // namespace pillard::observe
