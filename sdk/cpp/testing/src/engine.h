#pragma once
// What moves a FakeHost: virtual time, the plugin's running objects, and the list of breaches. Private.
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pillard/pillard.h"
#include "pillard/testing/fake_host.h"

namespace pillard::testing::detail {

class Owner;

/// What a Handle stands for. The Handle holds it; all others look whether it is still there.
struct Job {
  Job(std::shared_ptr<Owner> of, std::string name) : owner(std::move(of)), what(std::move(name)) {}
  std::shared_ptr<Owner> owner;
  std::string what;
  Function<void()> timer;
  Function<void(std::string_view)> data;
  Function<void(Exit)> done;
  bool active = true;
};

/// Breaches of the contract. Shared, for other threads may commit them.
class Breaches {
 public:
  void add(std::string text);
  std::vector<std::string> take();

 private:
  std::mutex mutex_;
  std::vector<std::string> list_;
};

/// Tasks on their way home from other threads.
struct Mailbox {
  struct Letter {
    std::weak_ptr<Owner> to;
    Function<void()> task;
  };
  std::mutex mutex;
  std::deque<Letter> letters;
};

struct Engine {
  Engine();
  ~Engine();

  /// Notes a breach unless the caller is the thread of the FakeHost.
  bool on_lane(std::string_view what);
  void at(std::int64_t when, Function<void()> run) { events.emplace(when, std::move(run)); }
  void advance(std::int64_t by);
  void end_all(const std::optional<Error>& error);
  std::size_t live_handles();
  Handle handle(std::shared_ptr<Job> job);

  const std::thread::id lane = std::this_thread::get_id();
  Breaches breaches;
  std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>();
  std::int64_t now = 0;  // ms since the start
  std::int64_t unix_offset = 1'700'000'000'000;
  std::multimap<std::int64_t, Function<void()>> events;  // equal times stay in the order they were made

  std::unique_ptr<Plugin> plugin;
  Config config;
  std::map<std::string, std::unique_ptr<StreamType>> streams;
  std::map<std::string, std::unique_ptr<CallType>> calls;

  FakeNode node;
  std::vector<Argv> commands;
  std::deque<FakeProcess> processes;
  std::vector<std::weak_ptr<Job>> jobs;
  std::map<std::string, std::int64_t> counters;
  std::vector<LogLine> logs;
  std::vector<AuditLine> audits;

  std::vector<std::shared_ptr<Owner>> owners;
  std::deque<FakeStream> fake_streams;
  std::deque<FakeCall> fake_calls;

 private:
  bool run_letters();
};

/// The life of one Source or Call: everything of the plugin runs inside enter().
class Owner : public std::enable_shared_from_this<Owner> {
 public:
  Owner(Engine& engine, std::string name) : engine_(engine), name_(std::move(name)) {}
  virtual ~Owner() = default;

  /// Runs code of the plugin: what leaves it becomes a failure, and after it an end that was asked for takes place.
  void enter(Function<void()> code);
  /// Asks for the end; the first one counts.
  void end_with(std::optional<Error> error);
  /// Ends now, with a Problem for the audience or without.
  void end(std::optional<Error> error);
  /// Whether `what` may be done; notes a breach when the object is gone.
  bool usable(std::string_view what);
  bool running() const noexcept { return state_ == State::kRunning; }
  bool entered() const noexcept { return depth_ > 0; }
  const std::string& name() const noexcept { return name_; }

 protected:
  virtual void destroy_object() = 0;
  virtual void told(const Error& error) = 0;
  Engine& engine_;

 private:
  enum class State { kRunning, kEnding, kEnded };
  void check_handles();

  std::string name_;
  State state_ = State::kRunning;
  int depth_ = 0;
  std::optional<Error> error_;
};

/// The node as one Source or Call sees it.
class NodeView final : public Node {
 public:
  NodeView(Engine& engine, Owner& owner) : engine_(engine), owner_(owner) {}
  Handle exec(Command command, Function<void(Exit)> done) override;
  Handle bytes(Command command, Function<void(std::string_view)> data, Function<void(Exit)> done) override;

 private:
  bool accept(const Command& command, std::string_view what);
  Engine& engine_;
  Owner& owner_;
};

/// Scope's functions for Context and CallContext alike.
template <class Interface>
class ScopeOf : public Interface, public Owner {
 public:
  ScopeOf(Engine& engine, std::string name) : Owner(engine, std::move(name)), node_(engine, *this) {}
  Node& node() override { return node_; }
  Handle after(Milliseconds delay, Function<void()> fn) override {
    return start_timer(*this, engine_, delay, std::move(fn));
  }
  std::int64_t unix_ms() const override { return engine_.unix_offset + engine_.now; }
  void count(std::string_view metric, std::int64_t by) override { add_count(*this, engine_, metric, by); }
  void log(Level level, std::string_view message) override { add_log(*this, engine_, level, message); }
  Lane lane() override { return make_lane(*this, engine_); }
  void fail(Error error) override {
    if (usable("fail()")) end_with(std::move(error));
  }

 private:
  NodeView node_;
};

Handle start_timer(Owner& owner, Engine& engine, Milliseconds delay, Function<void()> fn);
void add_count(Owner& owner, Engine& engine, std::string_view metric, std::int64_t by);
void add_log(Owner& owner, Engine& engine, Level level, std::string_view message);
Lane make_lane(Owner& owner, Engine& engine);

class StreamScope final : public ScopeOf<Context> {
 public:
  StreamScope(Engine& engine, FakeStream& stream, std::string resume_from);
  void build(const StreamType& type, const Query& query);
  void retune(const StreamType& type, const Query& query);
  void publish_json(std::string json, std::string_view cursor) override;
  void notice(const Error& error) override;
  const std::string& resume_from() const override { return resume_from_; }

 private:
  void destroy_object() override { source_.reset(); }
  void told(const Error& error) override;
  FakeStream& stream_;
  std::string resume_from_;
  std::unique_ptr<Source> source_;
};

class CallScope final : public ScopeOf<CallContext> {
 public:
  CallScope(Engine& engine, FakeCall& call, std::string name) : ScopeOf(engine, std::move(name)), call_(call) {}
  void build(const CallType& type, std::string_view params);
  void reply_json(std::string json) override;
  void audit(const AuditEntry& entry) override;

 private:
  void destroy_object() override;
  void told(const Error& error) override;
  FakeCall& call_;
  std::optional<AuditLine> record_;
  std::unique_ptr<Call> object_;
};

}  // namespace pillard::testing::detail
