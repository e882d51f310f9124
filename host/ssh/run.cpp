#include "ssh/run.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ssh/quote.h"

namespace pillard::ssh {

namespace {
constexpr std::array<std::pair<int, const char*>, 11> kSignals{{{1, "HUP"},
                                                                {2, "INT"},
                                                                {3, "QUIT"},
                                                                {4, "ILL"},
                                                                {6, "ABRT"},
                                                                {8, "FPE"},
                                                                {9, "KILL"},
                                                                {11, "SEGV"},
                                                                {13, "PIPE"},
                                                                {14, "ALRM"},
                                                                {15, "TERM"}}};
}  // namespace

Run::Run(const Command& command, Sink sink, std::size_t most_waste)
    : max_out_(command.max_output),
      max_err_(command.max_output / 10),
      waste_left_(most_waste),
      line_(tethered(shell_line(command.argv))),
      sink_(std::move(sink)),
      is_stream_(static_cast<bool>(sink_.data)) {}

void Run::end_at(reactor::Reactor& reactor, reactor::Clock::time_point when) {
  timeout_ = reactor.at(when, [this] {
    const auto self = shared_from_this();
    if (holder_ != nullptr && holder_->run_late(*this)) return;
    exit_.timed_out = true;
    finish();
    if (holder_ != nullptr) holder_->run_over();
  });
}

void Run::out(std::string_view data) {
  if (over_) return;
  if (!sink_.data) return keep(exit_.out, data, max_out_);
  calling_ = true;
  sink_.data(data);
  calling_ = false;
  if (over_) forget_sink();
}

void Run::err(std::string_view data) {
  if (!over_) keep(exit_.err, data, max_err_);
}

void Run::keep(std::string& where, std::string_view data, std::size_t most) {
  const auto room = most - where.size();
  where.append(data.substr(0, room));
  if (data.size() <= room) return;
  exit_.truncated = true;
  const auto waste = data.size() - room;
  if (is_stream_ || waste <= waste_left_) {
    waste_left_ -= std::min(waste, waste_left_);
    return;
  }
  // Nobody will ever see the end of it.
  const auto self = shared_from_this();
  finish();
  if (holder_ != nullptr) holder_->run_over();
}

void Run::ended(int status, std::string signal) {
  if (over_) return;
  const auto* known =
      std::find_if(kSignals.begin(), kSignals.end(), [&](const auto& entry) { return entry.first + 128 == status; });
  if (signal.empty() && known != kSignals.end()) signal = known->second;
  exit_.status = signal.empty() ? status : -1;
  exit_.signal = std::move(signal);
  finish();
}

void Run::not_started(const std::string& why) {
  if (over_) return;
  exit_.err = why;
  finish();
  if (holder_ != nullptr) holder_->run_over();
}

void Run::finish() {
  timeout_.reset();
  over_ = true;
  auto done = std::move(sink_.done);  // the callee may destroy the Operation
  done(std::move(exit_));
  if (!calling_) forget_sink();
}

void Run::drop() noexcept {
  if (over_) return;
  over_ = true;
  timeout_.reset();
  if (!calling_) forget_sink();
  if (holder_ != nullptr) holder_->run_over();
}

void Run::forget_sink() noexcept {
  // What it captured may lead back here.
  const auto sink = std::move(sink_);
}

}  // namespace pillard::ssh
