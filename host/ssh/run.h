#pragma once
// One command on its way: what its owner's Operation, the lane's queue and the channel share.
#include <memory>
#include <string>
#include <string_view>

#include "pillard/handle.h"
#include "pillard/node.h"
#include "reactor/reactor.h"

namespace pillard::ssh {

/// Who has to be told when a command is no longer wanted.
class RunHolder {
 public:
  virtual void run_over() = 0;

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
  Run(const Command& command, Sink sink);
  Run(const Run&) = delete;

  /// The exec request. It ends the program when its input closes.
  const std::string& line() const noexcept { return line_; }
  /// Nobody wants anything more of it.
  bool over() const noexcept { return over_; }

  void end_at(reactor::Reactor& reactor, reactor::Clock::time_point when);
  void held_by(RunHolder* holder) noexcept { holder_ = holder; }

  void out(std::string_view data);
  void err(std::string_view data);
  /// A status above 128 that stands for a well-known signal is told as that signal: a shell stood between.
  void ended(int status, std::string signal);
  void not_started(const std::string& why);
  /// Ends it without a word, from the owner's side or because the lane went down.
  void drop() noexcept;

 private:
  void keep(std::string& where, std::string_view data, std::size_t most);
  void finish();
  void forget_sink() noexcept;

  const std::size_t max_out_;
  const std::size_t max_err_;
  const std::string line_;
  Sink sink_;
  Exit exit_;
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
