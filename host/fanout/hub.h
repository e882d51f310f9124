#pragma once
// The meeting place of subscribers and topics. A topic lives on its node's lane, its subscribers on the reactors of
// their connections; between them go posts, in order.
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "fanout/call.h"
#include "fanout/shard.h"
#include "fanout/topic.h"
#include "observe/metrics.h"
#include "session/session.h"

namespace pillard::fanout {

/// Figures of this stage. [any]
struct FanoutMetrics {
  explicit FanoutMetrics(observe::Metrics& metrics);
  observe::Gauge& topics;
  observe::Gauge& subscriptions;
  observe::Counter& events;
  observe::Counter& catch_ups;
  observe::Counter& refused;
};

class Hub {
 public:
  /// All must outlive it. Destroy it only after the reactors have been joined.
  Hub(reactor::Reactors& reactors, ssh::Pool& pool, observe::Metrics& metrics, TopicOptions options = {});
  ~Hub();

  /// Joins the audience of what `query` asks for on the session's node; the first one starts it. `subscriber` and
  /// `encoder` must outlive the Subscription and its topic. [lane of `home`]
  /// `query` was decoded by `type`, which stood behind `stream` then.
  std::unique_ptr<Subscription> subscribe(reactor::Reactor& home, Login login, const loader::StreamEntry& stream,
                                          std::shared_ptr<const StreamType> type, Query query, const Encoder& encoder,
                                          Subscriber& subscriber);
  /// Runs one request on the session's node. Destroying the result cancels it; else `done` is called once, on `home`,
  /// never from inside. [lane of `home`]
  std::unique_ptr<PendingCall> call(reactor::Reactor& home, Login login, const loader::CallEntry& entry,
                                    std::string params, Function<void(Result<std::string>)> done);

  /// [any] A session with this lane key has ended, and its subscriptions: what runs on the node for nobody else ends
  /// now and not after a linger, its SSH connections too.
  void release(const std::string& lane_key);

  /// [any] Something else stands behind what a plugin offers: its streams go on with that, or end.
  void refresh(const loader::PluginRecord& plugin);

  const FanoutMetrics& metrics() const noexcept { return metrics_; }

 private:
  friend class Shard;
  class Side;

  void leave(const loader::StreamEntry& stream, const std::string& key, unsigned reactor, std::uint64_t member);
  void pace(const std::string& key, unsigned reactor, std::uint64_t member, std::int64_t pace_ms);
  void recode(const std::string& key, unsigned reactor, std::uint64_t member, const Encoder& encoder);
  /// The side that owns the topics of a key: where its node's lane is.
  Side& side_of(const std::string& key);

  reactor::Reactors& reactors_;
  ssh::Pool& pool_;
  const TopicOptions options_;
  FanoutMetrics metrics_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::vector<observe::Metrics::Hook> hooks_;
};

}  // namespace pillard::fanout
