#pragma once
// One stream of a plugin, run against a real node, and all that the node answered.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanout/on_footing.h"
#include "loader/registry.h"
#include "pillard/testing/recording.h"
#include "ssh/lane.h"

namespace pillard::cli {

/// What a stream said and was answered, from the moment the node was reached.
struct Transcript {
  testing::Recording recording;
  std::vector<std::string> events;  // JSON, as published
  std::optional<Error> problem;     // what ended it before its time
  bool reached = false;             // whether it began at all
};

/// Serves one Source as a topic does, for nobody: what it publishes and what its commands print is kept. Everything is
/// [lane]; made and destroyed on it, or after its loop has ended.
class Recorder final : private ssh::Lane::User, private fanout::OnFooting<Context>, private Node {
 public:
  /// `over` is called once: when `time` has passed since the node was reached, when the stream has failed, or when the
  /// node cannot be reached. Nothing is tried twice. It must not destroy the Recorder.
  Recorder(reactor::Reactor& reactor, ssh::Lane& lane, const loader::StreamEntry& stream, Query query,
           Milliseconds time, Function<void()> over);
  ~Recorder();

  const Transcript& transcript() const noexcept { return transcript_; }

 private:
  using Run = std::size_t;  // which of the recording

  void lane_up() override;
  void lane_down(const Error& error) override;

  Node& node() override { return *this; }
  void publish_json(std::string json, std::string_view cursor) override;
  void notice(const Error& error) override;
  const std::string& resume_from() const override { return no_cursor_; }

  Handle exec(Command command, Function<void(Exit)> done) override;
  Handle bytes(Command command, Function<void(std::string_view)> data, Function<void(Exit)> done) override;

  Run begin(const Command& command, bool streams);
  void end(Run run, const Exit& exit);
  Milliseconds since(reactor::Clock::time_point then) const;
  Milliseconds of(Run run) const { return since(began_.at(run)); }
  void finish(std::optional<Error> problem);
  void stop();

  reactor::Reactor& reactor_;
  ssh::Lane& ssh_;
  const loader::StreamEntry& stream_;
  const Query query_;
  const Milliseconds time_;
  Function<void()> over_;
  const std::string no_cursor_;

  Transcript transcript_;
  reactor::Clock::time_point reached_{};
  std::vector<reactor::Clock::time_point> began_;  // of each run
  reactor::Timer end_;
  ssh::Lane::Use use_;
};

}  // namespace pillard::cli
