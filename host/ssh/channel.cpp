#include "ssh/channel.h"

#include <string>

namespace pillard::ssh {

Channel::Channel(LIBSSH2_SESSION* session, LIBSSH2_CHANNEL* handle, std::shared_ptr<Run> run, Time now)
    : session_(session),
      handle_(handle),
      run_(std::move(run)),
      phase_(run_ ? Phase::kStarting : Phase::kClosing),
      since_(now) {}

Channel::State Channel::advance(const Turn& turn) {
  if (phase_ == Phase::kStarting && !start(turn.now)) return error_ == 0 ? State::kOpen : State::kBroken;
  if (phase_ == Phase::kRunning && !read(turn)) return error_ == 0 ? State::kOpen : State::kBroken;
  if (phase_ == Phase::kEnding && !wait_for_end(turn.now)) return error_ == 0 ? State::kOpen : State::kBroken;
  // Errors of the socket are the connection's to see; any other leaves the channel closed for us.
  return libssh2_channel_close(handle_) == LIBSSH2_ERROR_EAGAIN ? State::kOpen : State::kClosed;
}

void Channel::enter(Phase phase, Time now) {
  phase_ = phase;
  since_ = now;
}

bool Channel::fail(int error) {
  if (error != LIBSSH2_ERROR_EAGAIN) error_ = error;
  return false;
}

bool Channel::start(Time now) {
  // Also when nobody wants it any more: the request is half-way out and has to be finished first.
  const auto& line = run_->line();
  const int result =
      libssh2_channel_process_startup(handle_, "exec", 4, line.data(), static_cast<unsigned>(line.size()));
  if (result == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED) {
    run_->not_started("The node refused to run a command.");
    enter(Phase::kClosing, now);
    return true;
  }
  if (result != 0) return fail(result);
  enter(Phase::kRunning, now);
  return true;
}

bool Channel::read(const Turn& turn) {
  if (!run_->over() && (!read_stream(0, turn) || !read_stream(SSH_EXTENDED_DATA_STDERR, turn))) return false;
  if (run_->over()) {
    enter(Phase::kClosing, turn.now);
    return true;
  }
  // Not while anything is left to read.
  if (libssh2_channel_eof(handle_) != 1) return false;
  enter(Phase::kEnding, turn.now);
  return true;
}

bool Channel::read_stream(int stream, const Turn& turn) {
  do {
    const auto got = libssh2_channel_read_ex(handle_, stream, turn.buffer.data(), turn.buffer.size());
    if (got == 0 || got == LIBSSH2_ERROR_EAGAIN) break;
    if (got < 0) return fail(static_cast<int>(got));
    const std::string_view data(turn.buffer.data(), static_cast<std::size_t>(got));
    stream == 0 ? run_->out(data) : run_->err(data);
  } while (!run_->over() && !turn.over());
  return true;
}

bool Channel::wait_for_end(Time now) {
  if (!run_->over()) {
    const int result = libssh2_channel_wait_closed(handle_);
    if (result != 0) return fail(result);
    std::string name;
    char* signal = nullptr;
    std::size_t size = 0;
    libssh2_channel_get_exit_signal(handle_, &signal, &size, nullptr, nullptr, nullptr, nullptr);
    if (signal != nullptr) name.assign(signal, size);
    libssh2_free(session_, signal);
    run_->ended(libssh2_channel_get_exit_status(handle_), std::move(name));
  }
  enter(Phase::kClosing, now);
  return true;
}

}  // namespace pillard::ssh
