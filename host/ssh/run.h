#pragma once
// One command on its way: what its owner's Operation, the lane's queue and the channel share.
#include <memory>
#include <string>
#include <string_view>

#include "pillard/handle.h"
#include "pillard/node.h"
#include "reactor/reactor.h"

namespace pillard::ssh {

class Run;

/// Who has a command under way.
class RunHolder {
 public:
  /// It is no longer wanted.
  virtual void run_over() = 0;
  /// Its time is up. True: that is not its own fault, the node does not answer at all; it was dropped with all others.
  virtual bool run_late(const Run& run) = 0;

 protected:
  ~RunHolder() = default;
};

/// Everything is [lane]. The caller of a function that may call back keeps a shared_ptr until it returns.
class Run : public std::enable_shared_from_this<Run> {
 public:
  struct Sink {
    Function<void(std::string_view)> data;  // empty: standard output is collected for Exit::out
    Function<void(Exit)> done;
  };
  /// Throws Error(kBadRequest) as shell_line() does.
  /// One without Sink::data is ended when it has printed `most_waste` bytes more than are kept.
  Run(const Command& command, Sink sink, std::size_t most_waste = static_cast<std::size_t>(-1));
  Run(const Run&) = delete;

  /// The exec request. It ends the program when its input closes.
  const std::string& line() const noexcept { return line_; }
  /// It hands over its output as it comes.
  bool is_stream() const noexcept { return is_stream_; }
  /// Nobody wants anything more of it.
  bool over() const noexcept { return over_; }

  /// When it was asked for.
  void asked(reactor::Clock::time_point when) noexcept { asked_ = when; }
  reactor::Clock::time_point asked() const noexcept { return asked_; }
  void end_at(reactor::Reactor& reactor, reactor::Clock::time_point when);
  void held_by(RunHolder* holder) noexcept { holder_ = holder; }

  void out(std::string_view data);
  void err(std::string_view data);
  /// A status above 128 that stands for a well-known signal is told as that signal: a shell stood between.
  void ended(int status, std::string signal);
  /// It could not be started, or not be kept: Exit::err says why.
  void not_started(const std::string& why);
  /// Ends it without a word, from the owner's side or because the lane went down.
  void drop() noexcept;

 private:
  void keep(std::string& where, std::string_view data, std::size_t most);
  void finish();
  void forget_sink() noexcept;

  const std::size_t max_out_;
  const std::size_t max_err_;
  std::size_t waste_left_;
  const std::string line_;
  Sink sink_;
  const bool is_stream_;
  Exit exit_;
  reactor::Clock::time_point asked_{};
  RunHolder* holder_ = nullptr;
  reactor::Timer timeout_;
  bool over_ = false;
  bool calling_ = false;  // what is being called must not be destroyed
};

/// [lane] Destroyed, its callbacks never run again and the program is ended on the node, also a silent one.
class Operation final : public Handle::Work {
 public:
  explicit Operation(std::shared_ptr<Run> run) : run_(std::move(run)) {}
  ~Operation() override { run_->drop(); }
  /// Whether a callback may still come.
  bool active() const noexcept override { return !run_->over(); }

 private:
  std::shared_ptr<Run> run_;
};

}  // namespace pillard::ssh
