// What a plugin can publish at will: lines at a steady rate, and the lines of any command on the node. Only for
// measuring; it runs what clients ask for.
#include <fmt/format.h>

#include <chrono>

#include "pillard/pillard.h"

namespace bench_lines {

using pillard::Milliseconds;

/// A `log_data` of the smallest form, as the peers send it.
struct Line {
  std::string_view service = "node";
  std::string_view line;
  PILLARD_FIELDS(Line, PILLARD_FIELD(service), PILLARD_FIELD(line))
};

struct Pace {
  std::int64_t rate = 50;  // lines a second
  std::int64_t burst = 1;  // of them at once
  PILLARD_FIELDS(Pace, PILLARD_FIELD(rate, {.min = 1, .max = 1'000'000}),
                 PILLARD_FIELD(burst, {.min = 1, .max = 10'000}))
};

/// Lines of 150 characters: number, time (CLOCK_REALTIME, ns), padding.
class Ticker final : public pillard::Source {
 public:
  Ticker(pillard::Context& context, const Pace& pace) : context_(context), pace_(pace) { tick(); }

 private:
  using Clock = std::chrono::steady_clock;
  void tick() {
    for (std::int64_t i = 0; i < pace_.burst; ++i) {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      auto text = fmt::format("seq={:012} t={:019} ", sequence_++,
                              std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
      text.resize(150, 'x');
      context_.publish(Line{.line = text});
    }
    // From the start on, so that a late tick delays none behind it.
    const auto due = start_ + std::chrono::nanoseconds(++ticks_ * pace_.burst * 1'000'000'000 / pace_.rate);
    next_ = context_.after(std::chrono::ceil<Milliseconds>(due - Clock::now()), [this] { tick(); });
  }

  pillard::Context& context_;
  const Pace pace_;
  const Clock::time_point start_ = Clock::now();
  std::int64_t ticks_ = 0;
  std::int64_t sequence_ = 0;
  pillard::Handle next_;
};

struct Program {
  std::vector<std::string> argv;
  PILLARD_FIELDS(Program, PILLARD_FIELD(argv, {.required = true}))
};

/// The lines of a command on the node, as it prints them.
class Follower final : public pillard::Source {
 public:
  Follower(pillard::Context& context, const Program& program) : context_(context) {
    run_ = context_.node().lines(
        {.argv = program.argv}, [this](std::string_view line) { context_.publish(Line{.line = line}); },
        [this](const pillard::Exit& exit) {
          context_.fail({pillard::Code::kDisconnected, "The command ended: " + exit.err});
        });
  }

 private:
  pillard::Context& context_;
  pillard::Handle run_;
};

struct Count {
  std::int64_t bytes = 0;
  bool ended = false;
  PILLARD_FIELDS(Count, PILLARD_FIELD(bytes), PILLARD_FIELD(ended))
};

/// How many bytes a command prints; told at its end.
class Counter final : public pillard::Source {
 public:
  Counter(pillard::Context& context, const Program& program) : context_(context) {
    run_ = context_.node().bytes(
        {.argv = program.argv},
        [this](std::string_view piece) { count_.bytes += static_cast<std::int64_t>(piece.size()); },
        [this](const pillard::Exit&) {
          count_.ended = true;
          context_.publish(count_);
        });
  }

 private:
  pillard::Context& context_;
  Count count_;
  pillard::Handle run_;
};

class Plugin final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config&) override {
    registrar.stream<Pace, Ticker>(
        {.subscribe = "subscribe_lines", .unsubscribe = "unsubscribe_lines", .event = "log_data", .gap = "log_gap"});
    registrar.stream<Program, Follower>({.subscribe = "subscribe_command",
                                         .unsubscribe = "unsubscribe_command",
                                         .event = "cmd_data",
                                         .gap = "cmd_gap",
                                         .replay = 50});
    registrar.stream<Program, Counter>({.subscribe = "subscribe_bytes",
                                        .unsubscribe = "unsubscribe_bytes",
                                        .event = "bytes_data",
                                        .gap = "bytes_gap",
                                        .replay = 1});
  }
};

}  // namespace bench_lines

PILLARD_PLUGIN(bench_lines::Plugin, "bench-lines", "1.0.0")
