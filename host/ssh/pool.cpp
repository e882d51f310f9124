#include "ssh/pool.h"

#include <cassert>
#include <functional>
#include <list>
#include <unordered_map>

namespace pillard::ssh {

/// What lives on one reactor. Its functions are [lane].
class Pool::Shard final : public LaneHome, public std::enable_shared_from_this<Shard> {
 public:
  Shard(LoginMeans means) : means_(std::move(means)) {}

  LoginMeans& means() override { return means_; }

  const Error* refusal(const std::string& key) override {
    const auto found = refusals_.find(key);
    return found == refusals_.end() ? nullptr : &found->second->second;
  }

  void remember(const std::string& key, const Error& error) override {
    forget(key);
    refused_.emplace_front(key, error);
    refusals_[key] = refused_.begin();
    if (refused_.size() <= means_.options.refusals_remembered) return;
    refusals_.erase(refused_.back().first);
    refused_.pop_back();
  }

  void expired(const std::string& key) override {
    // Its own copy of the key goes with the lane.
    if (const auto found = lanes_.find(key); found != lanes_.end()) lanes_.erase(found);
  }

  void release(const std::string& key) {
    if (const auto found = lanes_.find(key); found != lanes_.end()) found->second->release();
  }

  Lane& lane(const std::string& key, const session::Credential& credential) {
    auto& lane = lanes_[key];
    if (!lane) lane = std::make_shared<Lane>(*this, key, credential);
    return *lane;
  }

  void verify(const std::string& key, session::Credential credential, reactor::Reactor& home,
              Function<void(std::optional<Error>)> done) {
    // Texts of exceptions are shared between copies: a thread gets its own.
    const auto answer = [&home](Function<void(std::optional<Error>)> to, const Error* error) {
      if (error == nullptr) return home.post([to = std::move(to)]() mutable { to(std::nullopt); });
      home.post([to = std::move(to), code = error->code(), text = std::string(error->what())]() mutable {
        to(Error(code, text));
      });
    };
    if (verifies_.size() >= means_.options.verifies_per_reactor) {
      const Error error(Code::kOverloaded, "Too many logins are under way; try again later.");
      return answer(std::move(done), &error);
    }
    const auto id = ++verifies_made_;
    auto shared = std::make_shared<const session::Credential>(std::move(credential));
    verifies_[id] = std::make_unique<Login>(
        means_, shared, Gate::Rank::kFirst,
        [this, id, key, shared, answer, done = std::move(done)](Result<std::unique_ptr<Transport>> result) mutable {
          const auto login = std::move(verifies_[id]);  // goes when this is over: it is the caller
          verifies_.erase(id);
          answer(std::move(done), result ? nullptr : &result.error());
          if (!result) return;
          forget(key);
          lane(key, *shared).adopt(std::move(*result));
        });
  }

 private:
  using Refused = std::list<std::pair<std::string, Error>>;  // newest first

  void forget(const std::string& key) {
    const auto found = refusals_.find(key);
    if (found == refusals_.end()) return;
    refused_.erase(found->second);
    refusals_.erase(found);
  }

  LoginMeans means_;
  Refused refused_;
  std::unordered_map<std::string, Refused::iterator> refusals_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Login>> verifies_;
  std::uint64_t verifies_made_ = 0;
  std::unordered_map<std::string, std::shared_ptr<Lane>> lanes_;
};

Pool::Pool(reactor::Reactors& reactors, reactor::Workers& workers, Resolver& resolver, HostKeys& host_keys,
           Options options, observe::Log* log, observe::Metrics* metrics)
    : options_(options), metrics_(metrics == nullptr ? SshMetrics::alone() : std::make_shared<SshMetrics>(*metrics)) {
  for (std::size_t i = 0; i < reactors.size(); ++i)
    shards_.push_back(std::make_shared<Shard>(
        LoginMeans{.reactor = reactors[i],
                   .workers = workers,
                   .resolver = resolver,
                   .host_keys = host_keys,
                   .options = options_,
                   .metrics = metrics_,
                   .handshakes = Gate(options_.handshakes_per_reactor, options_.handshakes_per_node),
                   .log = log}));
}

Pool::~Pool() = default;

Pool::Shard& Pool::shard_of(const std::string& lane_key) {
  return *shards_[std::hash<std::string>{}(lane_key) % shards_.size()];
}

reactor::Reactor& Pool::reactor_of(const std::string& lane_key) { return shard_of(lane_key).means().reactor; }

Lane& Pool::lane(const session::Credential& credential) {
  const auto key = session::lane_key(credential);
  auto& shard = shard_of(key);
  assert(shard.means().reactor.on_lane());
  return shard.lane(key, credential);
}

void Pool::release(const std::string& lane_key) {
  auto& shard = shard_of(lane_key);
  assert(shard.means().reactor.on_lane());
  shard.release(lane_key);
}

void Pool::verify(session::Credential credential, reactor::Reactor& home, Function<void(std::optional<Error>)> done) {
  auto key = session::lane_key(credential);
  auto& shard = shard_of(key);
  shard.means().reactor.post([weak = shard.weak_from_this(), key = std::move(key), credential = std::move(credential),
                              &home, done = std::move(done)]() mutable {
    if (const auto self = weak.lock()) self->verify(key, std::move(credential), home, std::move(done));
  });
}

}  // namespace pillard::ssh
