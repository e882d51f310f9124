#include "fanout/hub.h"

#include "session/credential.h"

namespace pillard::fanout {

/// What one reactor holds: its own subscribers, and the topics of the nodes whose lanes are here.
class Hub::Side final : public Outlet {
 public:
  Side(Hub& hub, reactor::Reactor& reactor) : hub_(hub), reactor_(reactor), shard_(hub, reactor) {}

  Shard& shard() noexcept { return shard_; }
  reactor::Reactor& reactor() noexcept { return reactor_; }

  void join(const std::string& key, const Login& login, const loader::StreamEntry& stream, Query query,
            Topic::Member member) {
    auto& topic = topics_[key];
    if (!topic) {
      auto& lane = hub_.pool_.lane(login.session->credential);
      topic = std::make_unique<Topic>(TopicId{std::make_shared<const std::string>(key), ++lives_}, reactor_, lane,
                                      stream, std::move(query), *this, hub_.options_);
      hub_.counters_.topics.fetch_add(1, std::memory_order_relaxed);
    }
    topic->join(std::move(member));
  }
  Topic* find(const std::string& key) {
    const auto found = topics_.find(key);
    return found == topics_.end() ? nullptr : found->second.get();
  }

  void welcome(unsigned to, std::uint64_t member, const TopicId& topic, SharedBatch replay,
               std::optional<Error> problem) override {
    send(to, [member, topic, replay = std::move(replay), problem = std::move(problem)](Shard& shard) {
      shard.welcome(topic, member, replay, problem);
    });
  }
  void spread(unsigned to, const TopicId& topic, const Batches& batches) override {
    hub_.counters_.published.fetch_add(batches.empty() ? 0 : batches.front().second->frames.size(),
                                       std::memory_order_relaxed);
    send(to, [topic, batches](Shard& shard) { shard.spread(topic, batches); });
  }
  void problem(unsigned to, const TopicId& topic, const Error& error, bool ended) override {
    send(to, [topic, error, ended](Shard& shard) { shard.problem(topic, error, ended); });
  }
  void over(const TopicId& topic) override {
    // A topic that is over must not be found by those who join from now on.
    const auto found = topics_.find(*topic.key);
    auto gone = std::shared_ptr<Topic>(std::move(found->second));
    topics_.erase(found);
    hub_.counters_.topics.fetch_sub(1, std::memory_order_relaxed);
    graveyard_.push_back(std::move(gone));
    reactor_.post([this] { graveyard_.clear(); });
  }

 private:
  /// Straight on the same loop, by post to another: either way in order for each pair of loops.
  template <class Fn>
  void send(unsigned to, Fn fn) {
    if (to == reactor_.index()) return fn(shard_);
    auto& side = *hub_.sides_[to];
    side.reactor_.post([&side, fn = std::move(fn)] { fn(side.shard_); });
  }

  Hub& hub_;
  reactor::Reactor& reactor_;
  Shard shard_;
  std::uint64_t lives_ = 0;
  std::unordered_map<std::string, std::unique_ptr<Topic>> topics_;
  std::vector<std::shared_ptr<Topic>> graveyard_;
};

Hub::Hub(reactor::Reactors& reactors, ssh::Pool& pool, TopicOptions options)
    : reactors_(reactors), pool_(pool), options_(options) {
  for (std::size_t i = 0; i < reactors.size(); ++i) sides_.push_back(std::make_unique<Side>(*this, reactors[i]));
}
Hub::~Hub() = default;

std::unique_ptr<Subscription> Hub::subscribe(reactor::Reactor& home, Login login, const loader::StreamEntry& stream,
                                             Query query, const Encoder& encoder, Subscriber& subscriber) {
  auto key = login.lane_key + '/' + stream.type->options().subscribe + '/' + query.key;
  auto subscription =
      std::make_unique<Subscription>(sides_[home.index()]->shard(), key, subscriber, encoder, query.pace_ms);
  Topic::Member member{.reactor = home.index(),
                       .id = subscription->number(),
                       .encoder = &encoder,
                       .pace_ms = query.pace_ms,
                       .resume = query.resume};
  counters_.subscriptions.fetch_add(1, std::memory_order_relaxed);
  auto& side = side_of(key);
  side.reactor().post(
      [&side, key = std::move(key), login = std::move(login), &stream, query = std::move(query),
       member = std::move(member)]() mutable { side.join(key, login, stream, std::move(query), std::move(member)); });
  return subscription;
}

void Hub::leave(const std::string& key, unsigned reactor, std::uint64_t member) {
  counters_.subscriptions.fetch_sub(1, std::memory_order_relaxed);
  auto& side = side_of(key);
  side.reactor().post([&side, key, reactor, member] {
    if (auto* topic = side.find(key)) topic->leave(reactor, member);
  });
}

void Hub::pace(const std::string& key, unsigned reactor, std::uint64_t member, std::int64_t pace_ms) {
  auto& side = side_of(key);
  side.reactor().post([&side, key, reactor, member, pace_ms] {
    if (auto* topic = side.find(key)) topic->pace(reactor, member, pace_ms);
  });
}

Hub::Side& Hub::side_of(const std::string& key) {
  // The lane key is the part before the first '/'.
  return *sides_[pool_.reactor_of(key.substr(0, key.find('/'))).index()];
}

std::unique_ptr<PendingCall> Hub::call(reactor::Reactor& home, Login login, const loader::CallEntry& entry,
                                       std::string params, Function<void(Answer)> done) {
  auto& lane = pool_.reactor_of(login.lane_key);
  auto pending = std::make_unique<PendingCall>(lane, std::move(done));
  lane.post([this, &home, &lane, &entry, login = std::move(login), params = std::move(params),
             shared = pending->shared_]() mutable {
    auto& ssh_lane = pool_.lane(login.session->credential);
    shared->run = std::make_unique<CallRun>(shared, home, lane, ssh_lane, entry, std::move(params));
  });
  return pending;
}

}  // namespace pillard::fanout
