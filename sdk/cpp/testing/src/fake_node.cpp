#include "pillard/testing/fake_node.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "engine.h"
#include "pillard/testing/recording.h"

namespace pillard::testing {

namespace {
std::string words(const Argv& argv) {
  std::string out;
  for (const auto& argument : argv) {
    if (!out.empty()) out += ' ';
    json::append_string(out, argument);
  }
  return out;
}

/// How a program that answers `reply` ends for who started it with `command`.
Exit exit_of(const Command& command, Reply reply) {
  Exit exit;
  std::string pieces;
  for (const auto& piece : reply.pieces) pieces += piece.bytes;
  reply.out.insert(0, pieces);
  if (reply.stays || reply.delay > command.timeout) {
    exit.timed_out = true;
    return exit;
  }
  exit.truncated = reply.out.size() > command.max_output || reply.err.size() > command.max_output / 10;
  exit.out = reply.out.substr(0, command.max_output);
  exit.err = reply.err.substr(0, command.max_output / 10);
  exit.signal = std::move(reply.signal);
  exit.status = exit.signal.empty() ? reply.status : -1;
  return exit;
}

/// Hands over the end: no callback comes after it.
void finish(const std::shared_ptr<detail::Job>& job, Exit exit) {
  job->active = false;
  const auto done = std::make_shared<Function<void(Exit)>>(std::move(job->done));
  job->owner->enter([done, how = std::move(exit)]() mutable { (*done)(std::move(how)); });
}

void deliver(const std::shared_ptr<detail::Job>& job, std::string_view bytes) {
  // A copy that goes with the call: a plugin that keeps the view is found by the sanitizer.
  job->owner->enter([job, copy = std::string(bytes)] { job->data(copy); });
}
}  // namespace

void FakeNode::on(Argv argv, Reply reply) {
  on_match([wanted = std::move(argv)](const Argv& argv_of_command) { return argv_of_command == wanted; },
           std::move(reply));
}

void FakeNode::on_prefix(Argv beginning, Reply reply) {
  on_match(
      [wanted = std::move(beginning)](const Argv& argv) {
        return argv.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), argv.begin());
      },
      std::move(reply));
}

void FakeNode::on_match(std::function<bool(const Argv&)> matches, Reply reply) {
  on_command([matches = std::move(matches), reply = std::move(reply)](const Command& command) {
    return matches(command.argv) ? std::optional(reply) : std::nullopt;
  });
}

void FakeNode::replay(const std::string& path) {
  struct Turns {
    std::vector<Reply> replies;
    std::size_t next = 0;
  };
  auto turns = std::make_shared<std::map<std::pair<Argv, bool>, Turns>>();
  auto recording = read_recording(path);
  std::set<Argv> ended;
  for (const auto& run : recording.runs)
    if (!run.streams && run.took) ended.insert(run.argv);
  std::erase_if(recording.runs,
                [&](const RecordedRun& run) { return !run.streams && !run.took && ended.contains(run.argv); });
  for (auto& run : recording.runs) {
    Reply reply{.err = std::move(run.err), .status = run.status, .signal = std::move(run.signal)};
    reply.delay = run.took.value_or(Milliseconds{0});
    reply.pieces = std::move(run.out);
    reply.stays = !run.took || run.timed_out;
    (*turns)[{std::move(run.argv), run.streams}].replies.push_back(std::move(reply));
  }
  rules_.push_back([turns](const Command& command, bool streams) -> std::optional<Reply> {
    const auto found = turns->find({command.argv, streams});
    if (found == turns->end()) return std::nullopt;
    auto& [replies, next] = found->second;
    return replies[std::min(next++, replies.size() - 1)];
  });
}

std::optional<Reply> FakeNode::answer(const Command& command, bool streams) const {
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule)
    if (auto reply = (*rule)(command, streams)) return reply;
  return std::nullopt;
}

void FakeProcess::out(std::string_view bytes) {
  const auto job = job_.lock();
  if (!job || !job->active) return;
  if (job->owner->entered()) throw std::logic_error("FakeProcess::out() was called from inside the plugin");
  deliver(job, bytes);
}

void FakeProcess::exit(int status, std::string err) {
  Exit how;
  how.status = status;
  how.err = std::move(err);
  exit(std::move(how));
}

void FakeProcess::exit(Exit how) {
  const auto job = job_.lock();
  if (!job || !job->active) return;
  if (job->owner->entered()) throw std::logic_error("FakeProcess::exit() was called from inside the plugin");
  exited_ = true;
  finish(job, std::move(how));
}

bool FakeProcess::ended() const noexcept {
  const auto job = job_.lock();
  return !job || !job->active;
}

namespace detail {

bool NodeView::accept(const Command& command, std::string_view what) {
  if (!owner_.usable(what)) return false;
  if (command.argv.empty() || command.argv[0].empty())
    engine_.breaches.add(owner_.name() + ": " + std::string(what) + " without a program");
  for (const auto& argument : command.argv)
    if (argument.find('\0') != std::string::npos)
      engine_.breaches.add(owner_.name() + ": " + std::string(what) + " with a NUL byte in " + words(command.argv));
  engine_.commands.push_back(command.argv);
  return true;
}

Handle NodeView::exec(Command command, Function<void(Exit)> done) {
  if (!accept(command, "exec()")) return {};
  auto reply = engine_.node.answer(command, false);
  if (!reply) {
    engine_.breaches.add(owner_.name() + ": no rule answers exec() of " + words(command.argv));
    reply = Reply{.err = "command not found", .status = 127};
  }
  const auto when = engine_.now + (reply->stays ? command.timeout : std::min(reply->delay, command.timeout)).count();
  auto job = std::make_shared<Job>(owner_.shared_from_this(), "exec() of " + words(command.argv));
  job->done = std::move(done);
  engine_.at(when, [weak = std::weak_ptr(job), exit = exit_of(command, std::move(*reply))]() mutable {
    const auto due = weak.lock();
    if (due && due->active) finish(due, std::move(exit));
  });
  return engine_.handle(std::move(job));
}

Handle NodeView::bytes(Command command, Function<void(std::string_view)> data, Function<void(Exit)> done) {
  if (!accept(command, "bytes()")) return {};
  auto job = std::make_shared<Job>(owner_.shared_from_this(), "bytes() of " + words(command.argv));
  job->data = std::move(data);
  job->done = std::move(done);
  auto reply = engine_.node.answer(command, true);
  if (!reply) {
    engine_.processes.emplace_back(engine_, std::move(command), job);
    return engine_.handle(std::move(job));
  }
  for (auto& piece : reply->pieces)
    engine_.at(engine_.now + piece.at.count(), [weak = std::weak_ptr(job), bytes = std::move(piece.bytes)] {
      if (const auto due = weak.lock(); due && due->active && !bytes.empty()) deliver(due, bytes);
    });
  if (reply->stays) return engine_.handle(std::move(job));
  engine_.at(engine_.now + reply->delay.count(), [weak = std::weak_ptr(job), played = std::move(*reply)]() mutable {
    auto due = weak.lock();
    if (due && due->active && !played.out.empty()) deliver(due, played.out);
    if (!due || !due->active) return;
    Exit exit;
    exit.err = std::move(played.err);
    exit.signal = std::move(played.signal);
    exit.status = exit.signal.empty() ? played.status : -1;
    finish(due, std::move(exit));
  });
  return engine_.handle(std::move(job));
}

}  // namespace detail
}  // namespace pillard::testing
