#include "cli/recorder.h"

#include <utility>

namespace pillard::cli {

Recorder::Recorder(reactor::Reactor& reactor, ssh::Lane& lane, const loader::StreamEntry& stream, Query query,
                   Milliseconds time, Function<void()> over)
    : reactor_(reactor), ssh_(lane), stream_(stream), query_(std::move(query)), time_(time), over_(std::move(over)) {
  use_ = ssh_.use(*this);
}

Recorder::~Recorder() { stop(); }

void Recorder::lane_up() {
  if (!over_ || transcript_.reached) return;
  transcript_.reached = true;
  reached_ = reactor_.now();
  end_ = reactor_.after(time_, [this] { finish(std::nullopt); });
  stand_up(
      reactor_, ssh_, stream_.plugin(), [this](const Error& error) { finish(error); },
      [this] { return stream_.working()->start(*this, query_); });
}

void Recorder::lane_down(const Error& error) { finish(error); }

/// The clock of the turn is that of the events in it.
Milliseconds Recorder::since(reactor::Clock::time_point then) const {
  return std::chrono::duration_cast<Milliseconds>(reactor_.now() - then);
}

void Recorder::publish_json(std::string json, std::string_view) {
  if (footing_->may_say(json)) transcript_.events.push_back(std::move(json));
}

void Recorder::notice(const Error&) { footing_->at_work("notice()"); }

Recorder::Run Recorder::begin(const Command& command, bool streams) {
  transcript_.recording.runs.push_back({.streams = streams, .argv = command.argv, .started = since(reached_)});
  began_.push_back(reactor_.now());
  return began_.size() - 1;
}

void Recorder::end(Run run, const Exit& exit) {
  auto& recorded = transcript_.recording.runs.at(run);
  recorded.took = of(run);
  if (!exit.out.empty()) recorded.out.push_back({.at = *recorded.took, .bytes = exit.out});
  recorded.err = exit.err;
  recorded.status = exit.status < 0 ? 0 : exit.status;
  recorded.signal = exit.signal;
  recorded.timed_out = exit.timed_out;
  recorded.truncated = exit.truncated;
}

Handle Recorder::exec(Command command, Function<void(Exit)> done) {
  if (!footing_->at_work("exec()")) return {};
  const auto run = begin(command, false);
  return footing_->exec(std::move(command), [this, run, done = std::move(done)](Exit exit) mutable {
    end(run, exit);
    done(std::move(exit));
  });
}

Handle Recorder::bytes(Command command, Function<void(std::string_view)> data, Function<void(Exit)> done) {
  if (!footing_->at_work("bytes() or lines()")) return {};
  const auto run = begin(command, true);
  return footing_->bytes(
      std::move(command),
      [this, run, data = std::move(data)](std::string_view piece) mutable {
        auto& out = transcript_.recording.runs.at(run).out;
        // What comes in one turn is one piece: how the network cut it means nothing.
        if (out.empty() || out.back().at != of(run)) out.push_back({.at = of(run), .bytes = {}});
        out.back().bytes += piece;
        data(piece);
      },
      [this, run, done = std::move(done)](Exit exit) mutable {
        end(run, exit);
        done(std::move(exit));
      });
}

void Recorder::finish(std::optional<Error> problem) {
  if (!over_) return;
  transcript_.problem = std::move(problem);
  stop();
  std::exchange(over_, Function<void()>())();
}

void Recorder::stop() {
  end_.reset();
  take_down();
  use_.reset();
}

}  // namespace pillard::cli
