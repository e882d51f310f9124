#pragma once
// One stream or call of a plugin, run against a real node, and all that the node answered.
#include <optional>
#include <string>
#include <vector>

#include "fanout/on_footing.h"
#include "loader/registry.h"
#include "pillard/testing/recording.h"
#include "ssh/lane.h"

namespace pillard::cli {

/// What a stream or call said and was answered, from the moment the node was reached.
struct Transcript {
  testing::Recording recording;
  std::vector<std::string> events;   // JSON, as published; of a stream
  std::optional<std::string> reply;  // JSON; of a call that has replied
  std::optional<Error> problem;      // what ended a stream before its time; of a call its answer
  bool reached = false;              // whether it began at all
};

/// Serves a Source or Call as the daemon does, for nobody: what it says and what its commands print is kept. Everything
/// is [lane]; made and destroyed on it, or after its loop has ended.
class Recorder : private ssh::Lane::User, private Node {
 public:
  struct Told {
    Function<void()> reached;  // the node; at most once, before `over`
    /// Once: when `time` has passed since the node was reached, when the work has ended by itself, when the node cannot
    /// be reached, or when end() was called. Nothing is tried twice. It must not destroy the Recorder.
    Function<void()> over;
  };

  Recorder(const Recorder&) = delete;
  ~Recorder() override = default;

  /// Before its time. Not from inside the plugin's code.
  void end() { finish(std::nullopt); }
  const Transcript& transcript() const noexcept { return transcript_; }

 protected:
  Recorder(reactor::Reactor& reactor, ssh::Lane& lane, Milliseconds time, Told told);

  /// Makes the plugin's object, on a Footing; destroys both.
  virtual void start() = 0;
  virtual void stop() = 0;
  virtual fanout::Footing& footing() = 0;

  reactor::Reactor& reactor() noexcept { return reactor_; }
  ssh::Lane& ssh() noexcept { return ssh_; }
  Node& recording() noexcept { return *this; }
  Transcript& kept() noexcept { return transcript_; }
  void finish(std::optional<Error> problem);
  /// What else ends it, out of the plugin's code.
  void finish_after(Milliseconds delay, std::optional<Error> problem);

 private:
  using Run = std::size_t;  // which of the recording

  void lane_up() override;
  void lane_down(const Error& error) override;

  Handle exec(Command command, Function<void(Exit)> done) override;
  Handle bytes(Command command, Function<void(std::string_view)> data, Function<void(Exit)> done) override;

  Run begin(const Command& command, bool streams);
  void end(Run run, const Exit& exit);
  Milliseconds since(reactor::Clock::time_point then) const;
  Milliseconds of(Run run) const { return since(began_.at(run)); }

  reactor::Reactor& reactor_;
  ssh::Lane& ssh_;
  const Milliseconds time_;
  Told told_;

  Transcript transcript_;
  reactor::Clock::time_point reached_{};
  std::vector<reactor::Clock::time_point> began_;  // of each run
  reactor::Timer time_over_;
  reactor::Timer finish_;
  ssh::Lane::Use use_;
};

class StreamRecorder final : public Recorder, private fanout::OnFooting<Context> {
 public:
  StreamRecorder(reactor::Reactor& reactor, ssh::Lane& lane, const loader::StreamEntry& stream, Query query,
                 Milliseconds time, Told told);
  ~StreamRecorder() override { take_down(); }

 private:
  void start() override;
  void stop() override { take_down(); }
  fanout::Footing& footing() override { return *footing_; }

  pillard::Node& node() override { return recording(); }
  void publish_json(std::string json, std::string_view cursor) override;
  void notice(const Error&) override { footing_->at_work("notice()"); }
  const std::string& resume_from() const override { return no_cursor_; }

  const loader::StreamEntry& stream_;
  const Query query_;
  const std::string no_cursor_;
};

/// Is over when the call has been answered. One that takes longer than its own timeout is answered with `timeout`.
class CallRecorder final : public Recorder, private fanout::OnFooting<CallContext> {
 public:
  CallRecorder(reactor::Reactor& reactor, ssh::Lane& lane, const loader::CallEntry& call, std::string params,
               Milliseconds time, Told told);
  ~CallRecorder() override { take_down(); }

 private:
  void start() override;
  void stop() override { take_down(); }
  fanout::Footing& footing() override { return *footing_; }

  pillard::Node& node() override { return recording(); }
  void reply_json(std::string json) override;
  /// Whoever has the credential at hand is asked by nobody who they are.
  void audit(const AuditEntry&) override { footing_->at_work("audit()"); }

  const loader::CallEntry& call_;
  const std::string params_;
};

}  // namespace pillard::cli
