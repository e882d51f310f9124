#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pillard/export.h"
#include "pillard/fields.h"
#include "pillard/handle.h"
#include "pillard/node.h"
#include "pillard/problem.h"

namespace pillard {

/// Of a line in the log. The operator chooses the least that is written.
enum class Level { kError, kWarning, kInfo, kDebug };

/// The way back to the lane of a Source or Call, for a thread that its plugin started. Copies are cheap, may go to any
/// thread, and keep nothing alive.
class PILLARD_API Lane {
 public:
  /// What the host keeps behind a Lane. post() as below.
  class PILLARD_API Gate {
   public:
    virtual ~Gate();
    virtual void post(Function<void()> task) = 0;
  };
  explicit Lane(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
  /// [any] Runs `task` on the lane unless the Source or Call is gone by then; it is then destroyed unrun.
  void post(Function<void()> task) const { gate_->post(std::move(task)); }

 private:
  std::shared_ptr<Gate> gate_;
};

/// What the host gives to a running Source or Call. Everything is [lane] unless tagged otherwise, outlives its owner,
/// and must not be used from the destructor except to let go of Handles.
class PILLARD_API Scope {
 public:
  virtual ~Scope();

  virtual Node& node() = 0;
  /// Runs `fn` once, `delay` from now; a negative one is none, a year is the most. Throws Error(overloaded) when 1000
  /// Handles of timers are held, those that fired included.
  [[nodiscard]] virtual Handle after(Milliseconds delay, Function<void()> fn) = 0;
  /// Milliseconds since 1970, of the daemon's machine (virtual in tests).
  virtual std::int64_t unix_ms() const = 0;
  /// Adds to this plugin's counter `metric` ([a-z_]+, 32 different ones at most), shown at /metrics.
  virtual void count(std::string_view metric, std::int64_t by = 1) = 0;
  /// One line for the operator; never a secret. At most 4096 bytes are kept.
  virtual void log(Level level, std::string_view message) = 0;
  /// For a thread of its own; take it before that is started.
  virtual Lane lane() = 0;

  /// Ends this Source or Call with a Problem. Subscribers are told; a Source is rebuilt with backoff while anyone
  /// listens if passing(code), else the stream ends. The object is destroyed after the running callback has returned:
  /// return soon. What is called here afterwards has no effect.
  virtual void fail(Error error) = 0;
};

/// A Source's view of its stream.
class PILLARD_API Context : public Scope {
 public:
  /// Hands one event to every subscriber. Encoded once, here. `cursor` names the event, so that a rebuilt Source (and a
  /// client) can resume behind it; empty: this stream has none.
  template <class Event>
  void publish(const Event& event, std::string_view cursor = {}) {
    std::string text;
    text.reserve(256);
    encode(text, event);
    publish_json(std::move(text), cursor);
  }
  /// The same for an event that is JSON already. Throws Error(internal) if it is not, or longer than 8 MiB.
  virtual void publish_json(std::string json, std::string_view cursor) = 0;

  /// Tells the subscribers a Problem while the stream goes on.
  virtual void notice(const Error& error) = 0;

  /// The cursor of the last event that reached subscribers before this Source was built, to resume behind it; empty for
  /// the first one.
  virtual const std::string& resume_from() const = 0;
};

/// What goes on record of a Call, in the plugin's words. Never a secret. At most 512 bytes of each are kept.
struct AuditEntry {
  std::string_view action;       ///< what was asked for: "restart"
  std::string_view object;       ///< of what: "execution.service"
  std::string_view result = {};  ///< how it came out: "exit 0, active"
};

/// A Call's view of its request.
class PILLARD_API CallContext : public Scope {
 public:
  /// Answers, and ends the Call as fail() does. A second answer has no effect.
  template <class Response>
  void reply(const Response& response) {
    reply_json(encoded(response));
  }
  /// The same for an answer that is JSON already. Throws as publish_json().
  virtual void reply_json(std::string json) = 0;

  /// Puts this Call on record: when it ends, in whatever way, the host writes one line to its log, at any level. The
  /// host says who asked (user, node, session, address) and how it ended (replied, the code of a Problem, or that the
  /// caller left), the plugin what was done. Call it before anything is done, and again once the result is known: the
  /// newest entry counts.
  virtual void audit(const AuditEntry& entry) = 0;
};

/// A running stream: the constructor starts it, the destructor stops it. One serves any number of subscribers. Its
/// functions and callbacks run on one lane, never concurrently; it needs no locks. An Error that leaves it
/// is treated as fail(that Error), any other exception as fail(internal).
class PILLARD_API Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() noexcept(false);  ///< the host lives on when one throws; other destructors must not
};

/// One running request, built like a Source: `MyCall(CallContext&, Request)`.
class PILLARD_API Call {
 public:
  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() noexcept(false);  ///< as Source's
};

}  // namespace pillard
