#pragma once
// The node of a FakeHost: commands are answered by the rules of the test, streaming programs are played by it.
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pillard/node.h"

namespace pillard::testing {

namespace detail {
struct Engine;
struct Job;
}  // namespace detail

using Argv = std::vector<std::string>;

/// Bytes that a program writes at once, so long after its start.
struct Piece {
  Milliseconds at{0};
  std::string bytes = {};
};

/// What a command answers.
struct Reply {
  std::string out = {};
  std::string err = {};
  int status = 0;
  Milliseconds delay{0};    // virtual time until the answer; beyond the command's timeout it times out instead
  std::string signal = {};  // when not empty: ended by this signal, status is -1
  // Output in the order of time, before `out`: to bytes() and lines() as it comes, to exec() with the rest.
  std::vector<Piece> pieces = {};
  bool stays = false;  // it does not end by itself: bytes() and lines() go on in silence, exec() times out
};

/// What commands answer. The rule made last is tried first, so that a test can change an answer while it runs. An
/// exec() that no rule answers fails the test and exits with 127; a bytes() or lines() that none answers is a
/// FakeProcess.
class FakeNode {
 public:
  using Rule = std::function<std::optional<Reply>(const Command&)>;

  /// Exactly this argv.
  void on(Argv argv, Reply reply);
  /// Every argv that begins so.
  void on_prefix(Argv beginning, Reply reply);
  void on_match(std::function<bool(const Argv&)> matches, Reply reply);
  /// Decides and answers in one; nothing: not meant.
  void on_command(Rule rule) {
    rules_.push_back([rule = std::move(rule)](const Command& command, bool) { return rule(command); });
  }

  /// Answers as a real node did, which `pillard record` has written to this file (format: recording.h): the n-th run of
  /// a command as its n-th recorded one, those after the last as the last. Output of bytes() and lines() comes in the
  /// same pieces after the same (virtual) time. An exec() that the end of the recording cut off is left out if another
  /// one of that command is there, else it times out. A command that is not in the recording is left to other rules.
  /// Throws std::runtime_error that names the file, and the line that is wrong.
  void replay(const std::string& path);

  std::optional<Reply> answer(const Command& command, bool streams) const;

 private:
  std::vector<std::function<std::optional<Reply>(const Command&, bool streams)>> rules_;
};

/// A program that bytes() or lines() started, played by the test.
class FakeProcess {
 public:
  FakeProcess(detail::Engine& engine, Command command, std::weak_ptr<detail::Job> job)
      : engine_(engine), command_(std::move(command)), job_(std::move(job)) {}

  const Argv& argv() const noexcept { return command_.argv; }
  const Command& command() const noexcept { return command_; }

  /// Hands standard output to the plugin, at once. No effect once ended().
  void out(std::string_view bytes);
  /// Lets the program end by itself. No effect once ended().
  void exit(int status = 0, std::string err = {});
  void exit(Exit how);
  /// Whether nothing more can come: it exited or its Handle is gone.
  bool ended() const noexcept;
  /// Whether it was stopped by its Handle, so that the host ends it on the node.
  bool cancelled() const noexcept { return ended() && !exited_; }

 private:
  detail::Engine& engine_;
  Command command_;
  std::weak_ptr<detail::Job> job_;
  bool exited_ = false;
};

}  // namespace pillard::testing
