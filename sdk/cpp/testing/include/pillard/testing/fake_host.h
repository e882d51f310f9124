#pragma once
// A host for plugin tests: virtual time, canned commands, and the rules of the contract held. Nothing sleeps, nothing
// runs on another thread, and whatever a plugin started is seen.
//
//     FakeHost host;
//     host.load<MyPlugin>("interval = 5");
//     host.node().on({"df"}, {.out = "..."});
//     auto& stream = host.subscribe("subscribe_disk");
//     host.advance(5s);
//     EXPECT_THAT(stream.events(), ElementsAre(R"({"used":12})"));
//
// Include GoogleTest before this header: breaches of the contract (see finish()) then fail the running test. Without it
// they are printed and end the process.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pillard/pillard.h"
#include "pillard/testing/fake_node.h"

namespace pillard::testing {

namespace detail {
class StreamScope;
class CallScope;
}  // namespace detail

struct LogLine {
  Level level;
  std::string message;
};

/// What the host would have written of a Call that ended: CallContext::audit()'s newest entry, and how it ended.
struct AuditLine {
  std::string action;
  std::string object;
  std::string result;  ///< the plugin's, else the Problem's message
  std::string end;     ///< "replied", the code of the Problem, or "left"
};

/// A subscription with a Source of its own; it stays valid as long as its FakeHost.
class FakeStream {
 public:
  FakeStream(detail::Engine& engine, const StreamType& type, Query query);
  FakeStream(const FakeStream&) = delete;
  FakeStream& operator=(const FakeStream&) = delete;

  /// What was published, as JSON, oldest first, and the cursor of each (empty for none).
  const std::vector<std::string>& events() const noexcept { return events_; }
  const std::vector<std::string>& published() const noexcept { return events_; }  ///< the same
  const std::vector<std::string>& cursors() const noexcept { return cursors_; }
  std::vector<std::string> take_events();
  /// What ended a Source: fail(), an exception (told as `internal`), a lost node.
  const std::vector<Error>& problems() const noexcept { return problems_; }
  const std::vector<Error>& notices() const noexcept { return notices_; }

  /// Whether there is a Source now.
  bool running() const noexcept;
  /// Whether none will come: unsubscribed, or failed with what does not pass. After a passing failure the host would
  /// build a new Source: see rebuild().
  bool ended() const noexcept { return ended_; }

  /// The last subscriber left and the linger is over: the Source is destroyed. No effect once it is.
  void unsubscribe();
  /// The audience now asks for this. Throws Error as subscribe() does, std::logic_error when it is another topic.
  void retune(std::string_view params);
  /// Builds a new Source as the host does after a passing failure, with resume_from() set to the last cursor.
  void rebuild();

 private:
  friend class detail::StreamScope;
  void start();
  detail::Engine& engine_;
  const StreamType& type_;
  Query query_;
  detail::StreamScope* scope_ = nullptr;  // the engine's; the newest one
  std::vector<std::string> events_;
  std::vector<std::string> cursors_;
  std::vector<Error> problems_;
  std::vector<Error> notices_;
  std::string last_cursor_;
  bool ended_ = false;
};

/// A request; it stays valid as long as its FakeHost. Not answered within the call's timeout it ends with `timeout`.
class FakeCall {
 public:
  FakeCall(detail::Engine& engine, const CallType& type, std::string_view params);
  FakeCall(const FakeCall&) = delete;
  FakeCall& operator=(const FakeCall&) = delete;

  /// The answer as JSON, if there is one.
  const std::optional<std::string>& reply() const noexcept { return reply_; }
  const std::optional<Error>& problem() const noexcept { return problem_; }
  bool ended() const noexcept;
  /// The caller left: the Call is destroyed.
  void cancel();

 private:
  friend class detail::CallScope;
  detail::Engine& engine_;
  detail::CallScope* scope_ = nullptr;  // the engine's
  std::optional<std::string> reply_;
  std::optional<Error> problem_;
};

/// Runs one plugin. All of it belongs to the thread that made it. Time stands still but for advance(): no timer, answer
/// or posted task runs outside of it.
class FakeHost {
 public:
  FakeHost();
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;
  /// As finish().
  ~FakeHost();

  /// Runs setup() with this configuration. What setup() throws is thrown on.
  void load(Plugin& plugin, std::string_view ini = {}, const std::string& file = "plugin.ini");
  void load(std::unique_ptr<Plugin> plugin, std::string_view ini = {}, const std::string& file = "plugin.ini");
  template <class PluginT>
  void load(std::string_view ini = {}, const std::string& file = "plugin.ini") {
    load(std::make_unique<PluginT>(), ini, file);
  }
  /// What is wrong with the configuration; of load() when it threw, too.
  std::vector<Mistake> mistakes() const;

  /// Subscribes by message type. Throws Error when `params` cannot be decoded, std::invalid_argument for an unknown
  /// type. The Source is built at once; what it asks of the node is answered in advance(). A cursor in a `.resume`
  /// field becomes its resume_from(), as when the host brings one client up to the others.
  FakeStream& subscribe(const std::string& type, std::string_view params = {});
  FakeCall& call(const std::string& name, std::string_view params = {});

  FakeNode& node();
  /// The n-th program that bytes() or lines() started and that no rule answers. Throws std::out_of_range.
  FakeProcess& process(std::size_t n);
  FakeProcess& last_process();
  std::size_t processes() const;
  /// The connection breaks: every Source and Call ends with `disconnected`; see FakeStream::rebuild().
  void lose_node();

  /// Lets so much time pass and runs what is due, in the order of time, then of age. What a callback starts with no
  /// delay runs in the same advance(), after the callback has returned.
  void advance(Milliseconds by = Milliseconds{0});
  std::int64_t unix_ms() const;
  /// Starts at 1'700'000'000'000; does not run timers.
  void set_unix_ms(std::int64_t now);

  /// The argv of every command so far.
  const std::vector<Argv>& commands() const;
  /// Handles whose callback may still come.
  std::size_t live_handles() const;
  const std::map<std::string, std::int64_t>& counters() const;
  const std::vector<LogLine>& logs() const;
  /// One for each Call that was put on record and has ended.
  const std::vector<AuditLine>& audits() const;

  /// Ends every Source and Call, then reports all breaches: an exec() that no rule answers, Handles that outlive their
  /// Source, a Context used after its end or from another thread, counters with bad names, work that never comes to
  /// rest.
  void finish();
  /// Breaches so far; they are then not reported any more.
  std::vector<std::string> take_failures();

 private:
  std::unique_ptr<detail::Engine> engine_;
};

/// Where finish() tells breaches from now on. Always true.
bool report_failures_to(void (*sink)(const std::string& text)) noexcept;

#ifdef ADD_FAILURE
namespace detail {
inline const bool kReportsToGoogleTest =
    report_failures_to(+[](const std::string& text) { ADD_FAILURE() << "FakeHost: " << text; });
}
#endif

}  // namespace pillard::testing
