#include "cli/recorder.h"

#include <utility>

namespace pillard::cli {

Recorder::Recorder(reactor::Reactor& reactor, ssh::Lane& lane, Milliseconds time, Told told)
    : reactor_(reactor), ssh_(lane), time_(time), told_(std::move(told)) {
  use_ = ssh_.use(*this);
}

void Recorder::lane_up() {
  if (!told_.over || transcript_.reached) return;
  transcript_.reached = true;
  reached_ = reactor_.now();
  time_over_ = reactor_.after(time_, [this] { finish(std::nullopt); });
  told_.reached();
  start();
}

void Recorder::lane_down(const Error& error) { finish(error); }

/// The clock of the turn is that of the events in it.
Milliseconds Recorder::since(reactor::Clock::time_point then) const {
  return std::chrono::duration_cast<Milliseconds>(reactor_.now() - then);
}

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
  if (!footing().at_work("exec()")) return {};
  const auto run = begin(command, false);
  return footing().exec(std::move(command), [this, run, done = std::move(done)](Exit exit) mutable {
    end(run, exit);
    done(std::move(exit));
  });
}

Handle Recorder::bytes(Command command, Function<void(std::string_view)> data, Function<void(Exit)> done) {
  if (!footing().at_work("bytes() or lines()")) return {};
  const auto run = begin(command, true);
  return footing().bytes(
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
  if (!told_.over) return;
  if (!transcript_.reply) transcript_.problem = std::move(problem);  // the first answer counts
  time_over_.reset();
  finish_.reset();
  stop();
  use_.reset();
  std::exchange(told_.over, Function<void()>())();
}

void Recorder::finish_after(Milliseconds delay, std::optional<Error> problem) {
  finish_ = reactor_.after(delay, [this, problem = std::move(problem)]() mutable { finish(std::move(problem)); });
}

StreamRecorder::StreamRecorder(reactor::Reactor& reactor, ssh::Lane& lane, const loader::StreamEntry& stream,
                               Query query, Milliseconds time, Told told)
    : Recorder(reactor, lane, time, std::move(told)), stream_(stream), query_(std::move(query)) {}

void StreamRecorder::start() {
  stand_up(
      reactor(), ssh(), stream_.plugin(), [this](const Error& error) { finish(error); },
      [this] { return stream_.working()->start(*this, query_); });
}

void StreamRecorder::publish_json(std::string json, std::string_view) {
  if (footing_->may_say(json)) kept().events.push_back(std::move(json));
}

CallRecorder::CallRecorder(reactor::Reactor& reactor, ssh::Lane& lane, const loader::CallEntry& call,
                           std::string params, Milliseconds time, Told told)
    : Recorder(reactor, lane, time, std::move(told)), call_(call), params_(std::move(params)) {}

void CallRecorder::start() {
  finish_after(call_.options().timeout, Error(Code::kTimeout, "The node did not answer in time."));
  stand_up(
      reactor(), ssh(), call_.plugin(), [this](const Error& error) { finish(error); },
      [this] { return call_.working()->start(*this, params_); });
}

void CallRecorder::reply_json(std::string json) {
  if (!footing_->may_say(json) || kept().reply) return;
  kept().reply = std::move(json);
  finish_after(Milliseconds{0}, std::nullopt);
}

}  // namespace pillard::cli
