#include "fanout/hub.h"

#include "fanout/mailbox.h"

#include "session/credential.h"

namespace pillard::fanout {

namespace {
/// A topic's key begins with its lane's.
std::string_view lane_of(std::string_view key) { return key.substr(0, key.find('/')); }
}  // namespace

FanoutMetrics::FanoutMetrics(observe::Metrics& metrics)
    : topics(metrics.gauge("pillard_topics", "Streams that run on nodes, each for any number of subscribers.")),
      subscriptions(metrics.gauge("pillard_subscriptions", "Subscriptions of clients to streams.")),
      events(metrics.counter("pillard_events_total", "Events that streams published.")),
      catch_ups(metrics.counter("pillard_catch_ups_total", "Streams run for those who came back behind the rest.")),
      refused(metrics.counter("pillard_topics_refused_total", "Streams refused because a node had too many.")) {}

/// What one reactor holds: its own subscribers, and the topics of the nodes whose lanes are here.
class Hub::Side final : public Outlet {
 public:
  Side(Hub& hub, reactor::Reactor& reactor) : hub_(hub), reactor_(reactor), shard_(hub, reactor) {
    for (std::size_t i = 0; i < hub.reactors_.size(); ++i)
      boxes_.push_back(std::make_unique<Mailbox>(hub.options_.mailbox_bytes));
  }

  Shard& shard() noexcept { return shard_; }
  reactor::Reactor& reactor() noexcept { return reactor_; }

  void join(const std::string& key, const Login& login, const loader::StreamEntry& stream,
            std::shared_ptr<const StreamType> type, Query query, Member member) {
    auto* topic = find(key);
    if (topic && &topic->stream() != &stream) {
      // One of the two stands for what is not offered any more.
      if (!stream.type()) return tell(member.reactor, member.id, loader::not_offered(stream), true);
      topic->refresh();
      topic = find(key);
    }
    if (topic) return topic->join(std::move(member));
    auto& topics = topics_a_lane_[login.lane_key];
    if (topics >= hub_.options_.topics_a_lane) {
      hub_.metrics_.refused.add();
      return tell(member.reactor, member.id,
                  Error(Code::kOverloaded,
                        std::to_string(topics) + " streams run on this node with this login already; end some first."),
                  true);
    }
    ++topics;
    auto& lane = hub_.pool_.lane(login.session->credential);
    auto made = std::make_unique<Topic>(TopicId{std::make_shared<const std::string>(key), ++lives_}, reactor_, lane,
                                        stream, std::move(type), std::move(query), *this, hub_.options_);
    hub_.metrics_.topics.add();
    stream.topics.add();
    topic = (topics_[key] = std::move(made)).get();
    topic->join(std::move(member));
    topic->refresh();  // what the params were decoded by may have been replaced on the way here
  }
  Topic* find(const std::string& key) {
    const auto found = topics_.find(key);
    return found == topics_.end() ? nullptr : found->second.get();
  }
  void release(const std::string& lane_key) {
    std::vector<Topic*> all;  // one that is over leaves the map
    for (const auto& [key, topic] : topics_)
      if (lane_of(key) == lane_key) all.push_back(topic.get());
    for (auto* topic : all) topic->end_if_unused();
    // The topics let go of the lane when this turn is over.
    reactor_.post([this, lane_key] { hub_.pool_.release(lane_key); });
  }

  void refresh(const loader::PluginRecord& plugin) {
    std::vector<std::string> keys;
    for (const auto& [key, topic] : topics_)
      if (&topic->stream().plugin() == &plugin) keys.push_back(key);
    refresh_some(std::move(keys));
  }

  void welcome(unsigned to, std::uint64_t member, const TopicId& topic, SharedBatch replay,
               std::optional<Error> problem) override {
    auto letter = [member, topic, replay = std::move(replay), problem = std::move(problem)](Shard& shard) {
      shard.welcome(topic, member, replay, problem);
    };
    if (to == reactor_.index()) return letter(shard_);
    if (boxes_[to]->put(topic, std::move(letter))) wake(to);
  }
  void hand(unsigned to, std::uint64_t member, SharedBatch batch) override {
    put(to, [member, batch = std::move(batch)](Shard& shard) { shard.hand(member, batch); });
  }
  void tell(unsigned to, std::uint64_t member, const Error& error, bool ended) override {
    put(to, [member, error, ended](Shard& shard) { shard.tell(member, error, ended); });
  }
  void spread(unsigned to, const TopicId& topic, const Batches& batches, Overflow overflow) override {
    if (to == reactor_.index()) return shard_.spread(topic, batches);
    if (boxes_[to]->spread(topic, batches, overflow)) wake(to);
  }
  void problem(unsigned to, const TopicId& topic, const Error& error, bool ended) override {
    auto letter = [topic, error, ended](Shard& shard) { shard.problem(topic, error, ended); };
    if (to == reactor_.index()) return letter(shard_);
    if (boxes_[to]->put(topic, std::move(letter))) wake(to);  // behind what was left out for want of room
  }
  void published(std::size_t events) override { hub_.metrics_.events.add(events); }
  void catching_up() override { hub_.metrics_.catch_ups.add(); }
  void over(const TopicId& topic) override {
    // A topic that is over must not be found by those who join from now on.
    const auto found = topics_.find(*topic.key);
    auto gone = std::shared_ptr<Topic>(std::move(found->second));
    topics_.erase(found);
    if (const auto lane = topics_a_lane_.find(std::string(lane_of(*topic.key))); --lane->second == 0)
      topics_a_lane_.erase(lane);
    hub_.metrics_.topics.sub();
    gone->stream().topics.sub();
    graveyard_.push_back(std::move(gone));
    reactor_.post([this] { graveyard_.clear(); });
  }

 private:
  friend class Hub;
  /// Each starts a Source: a few a turn, so that nobody else waits.
  void refresh_some(std::vector<std::string> keys) {
    constexpr std::size_t kAtOnce = 16;
    for (std::size_t i = 0; i < kAtOnce && !keys.empty(); ++i) {
      auto* topic = find(keys.back());
      keys.pop_back();
      if (!topic) continue;
      topic->end_if_unused();
      if (topic->has_members()) topic->refresh();
    }
    if (!keys.empty()) reactor_.post([this, keys = std::move(keys)]() mutable { refresh_some(std::move(keys)); });
  }
  /// Straight on the same loop, by a mailbox to another: either way in order for each pair of loops.
  template <class Fn>
  void put(unsigned to, Fn fn) {
    if (to == reactor_.index()) return fn(shard_);
    if (boxes_[to]->put(std::move(fn))) wake(to);
  }
  void wake(unsigned to) {
    auto& side = *hub_.sides_[to];
    side.reactor_.post([&side, &box = *boxes_[to]] { box.drain(side.shard_); });
  }

  Hub& hub_;
  reactor::Reactor& reactor_;
  Shard shard_;
  std::uint64_t lives_ = 0;
  std::vector<std::unique_ptr<Mailbox>> boxes_;  // one a loop: to the subscribers there
  std::unordered_map<std::string, std::unique_ptr<Topic>> topics_;
  std::unordered_map<std::string, std::size_t> topics_a_lane_;
  std::vector<std::shared_ptr<Topic>> graveyard_;
};

Hub::Hub(reactor::Reactors& reactors, ssh::Pool& pool, observe::Metrics& metrics, TopicOptions options)
    : reactors_(reactors), pool_(pool), options_(options), metrics_(metrics) {
  for (std::size_t i = 0; i < reactors.size(); ++i) sides_.push_back(std::make_unique<Side>(*this, reactors[i]));
  const auto over_all_boxes = [this](auto fold) {
    return [this, fold] {
      double result = 0;
      for (const auto& side : sides_)
        for (const auto& box : side->boxes_) result = fold(result, *box);
      return result;
    };
  };
  hooks_.push_back(metrics.collect(
      "pillard_mailbox_high_water_bytes", "The fullest that a mailbox between two loops has ever been.", {},
      over_all_boxes([](double most, const Mailbox& box) { return std::max(most, double(box.high_water())); })));
  hooks_.push_back(metrics.collect_counter(
      "pillard_mailbox_dropped_events_total", "Events dropped because a loop did not take them in time.", {},
      over_all_boxes([](double sum, const Mailbox& box) { return sum + double(box.dropped()); })));
}
Hub::~Hub() = default;

std::unique_ptr<Subscription> Hub::subscribe(reactor::Reactor& home, Login login, const loader::StreamEntry& stream,
                                             std::shared_ptr<const StreamType> type, Query query,
                                             const Encoder& encoder, Subscriber& subscriber) {
  auto key = login.lane_key + '/' + stream.options().subscribe + '/' + query.key;
  auto subscription =
      std::make_unique<Subscription>(sides_[home.index()]->shard(), stream, key, subscriber, encoder, query.pace_ms);
  Member member{.reactor = home.index(),
                .id = subscription->number(),
                .encoder = &encoder,
                .pace_ms = query.pace_ms,
                .resume = query.resume};
  metrics_.subscriptions.add();
  stream.subscriptions.add();
  auto& side = side_of(key);
  side.reactor().post([&side, key = std::move(key), login = std::move(login), &stream, type = std::move(type),
                       query = std::move(query), member = std::move(member)]() mutable {
    side.join(key, login, stream, std::move(type), std::move(query), std::move(member));
  });
  return subscription;
}

void Hub::leave(const loader::StreamEntry& stream, const std::string& key, unsigned reactor, std::uint64_t member) {
  metrics_.subscriptions.sub();
  stream.subscriptions.sub();
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

void Hub::recode(const std::string& key, unsigned reactor, std::uint64_t member, const Encoder& encoder) {
  auto& side = side_of(key);
  side.reactor().post([&side, key, reactor, member, &encoder] {
    if (auto* topic = side.find(key)) topic->recode(reactor, member, encoder);
  });
}

Hub::Side& Hub::side_of(const std::string& key) { return *sides_[pool_.reactor_of(std::string(lane_of(key))).index()]; }

void Hub::release(const std::string& lane_key) {
  auto& side = side_of(lane_key);
  side.reactor().post([&side, lane_key] { side.release(lane_key); });
}

void Hub::refresh(const loader::PluginRecord& plugin) {
  for (auto& side : sides_) side->reactor().post([&side = *side, &plugin] { side.refresh(plugin); });
}

std::unique_ptr<PendingCall> Hub::call(reactor::Reactor& home, Login login, const loader::CallEntry& entry,
                                       std::string params, Function<void(Answer)> done) {
  auto& lane = pool_.reactor_of(login.lane_key);
  auto pending = std::make_unique<PendingCall>(lane, std::move(done));
  lane.post([this, &home, &lane, &entry, login = std::move(login), params = std::move(params),
             shared = pending->shared_]() mutable {
    auto& ssh_lane = pool_.lane(login.session->credential);
    shared->run = std::make_unique<CallRun>(shared, home, lane, ssh_lane, entry, std::move(params), std::move(login));
  });
  return pending;
}

}  // namespace pillard::fanout
