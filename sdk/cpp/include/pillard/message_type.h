#pragma once
// The kinds of messages that a plugin registers, as the host drives them. Plugins write the options; the rest is made
// by Registrar::stream() and call().
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pillard/context.h"
#include "pillard/export.h"
#include "pillard/node.h"
#include "pillard/schema.h"

namespace pillard {

/// What may be dropped of events that wait for a subscriber who reads slowly; the others do not notice. One who takes
/// nothing at all is disconnected with a reason.
enum class Overflow {
  kNewest,  ///< states: all but the newest, the others are not missed
  kDrop,    ///< lines: the oldest that wait; the subscriber is told how many, in their place, by the `gap` event
};

/// How a stream is reached and kept. Names are [a-z0-9_]+, 64 bytes at most, unlike all others of the daemon and unlike
/// those of the protocol itself ("subscribe", "auth", "error", ...). What is out of its range refuses the plugin.
struct StreamOptions {
  std::string subscribe;       // message type that starts a subscription: "subscribe_logs"
  std::string unsubscribe;     // message type that ends it: "unsubscribe_logs"
  std::string event;           // type of what is published: "log_data"
  std::string gap{};           // of what tells of dropped events: the params and "dropped", how many; empty: stream_gap
  std::string batch{};         // of a frame that carries a list of events, at doors that write such; empty: none does
  std::size_t replay = 0;      // newest events kept for those who come late, 0-10000
  Milliseconds linger{2'000};  // how long the Source is kept after its last subscriber left, 0-60000
  Overflow overflow = Overflow::kDrop;
};

/// How a call is reached. Names as above.
struct CallOptions {
  std::string name;              // message type of the request: "get_config"
  Milliseconds timeout{30'000};  // 1-600000; then the Call is destroyed and the caller told `timeout`
};

/// What one subscriber asked for, decoded. `key` is equal for those who can share a Source.
struct Query {
  std::string key;                      // canonical JSON of the params without pace and resume
  std::optional<std::int64_t> pace_ms;  // of the `pace` field
  std::string resume;                   // of the `resume` field
  std::shared_ptr<const void> params;   // the decoded struct
};

/// A registered stream as the host drives it. Immutable, [any].
class PILLARD_API StreamType {
 public:
  /// Throws std::invalid_argument for options out of their ranges. `event`: JSON Schema of what is published.
  explicit StreamType(StreamOptions options, Schema params = {}, std::string event = "{}");
  virtual ~StreamType();
  const StreamOptions& options() const noexcept { return options_; }
  const Schema& params() const noexcept { return params_; }
  const std::string& event_schema() const noexcept { return event_; }
  /// `params`: valid JSON, or empty for none. Throws Error(bad_request).
  virtual Query decode(std::string_view params) const = 0;
  /// [lane]
  virtual std::unique_ptr<Source> start(Context& context, const Query& query) const = 0;
  /// [lane] The audience changed what it asks for: the smallest pace of all. No effect unless the Source has retune().
  virtual void retune(Source& source, const Query& query) const = 0;
  /// A query that asks for the same at another pace.
  virtual Query with_pace(const Query& query, std::int64_t pace_ms) const = 0;

 private:
  StreamOptions options_;
  Schema params_;
  std::string event_;
};

/// A registered call. Immutable, [any].
class PILLARD_API CallType {
 public:
  /// Throws as StreamType's. `response`: JSON Schema of the answer.
  explicit CallType(CallOptions options, Schema params = {}, std::string response = "{}");
  virtual ~CallType();
  const CallOptions& options() const noexcept { return options_; }
  const Schema& params() const noexcept { return params_; }
  const std::string& response_schema() const noexcept { return response_; }
  /// [lane] Throws Error(bad_request) when `params` cannot be decoded.
  virtual std::unique_ptr<Call> start(CallContext& context, std::string_view params) const = 0;

 private:
  CallOptions options_;
  Schema params_;
  std::string response_;
};

}  // namespace pillard
