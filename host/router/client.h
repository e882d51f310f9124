#pragma once
// One client, whichever door it came through: who it is, and what it listens to.
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fanout/hub.h"
#include "fanout/subscriber.h"
#include "router/services.h"

namespace pillard::router {

class Sockets;

/// What a door does for its client. Called on the client's reactor; none of the calls destroys the Client from inside.
class Door {
 public:
  /// How this door writes events; of a lifetime beyond all topics. When that changes it calls
  /// Client::encoder_changed().
  virtual const fanout::Encoder& encoder() const = 0;
  /// Frames made by encoder(), in order. `flow` stays until forget().
  virtual void send(const fanout::SharedBatch& batch, const fanout::Flow& flow) = 0;
  /// So many events of the flow were dropped on their way here.
  virtual void gap(const fanout::Flow& flow, std::uint64_t dropped) = 0;
  /// The flow is about to go: what waits of it is still delivered, or dropped.
  virtual void forget(const fanout::Flow& flow, bool deliver) = 0;
  /// One event of this client alone. `arguments_json`: any number of values, comma-separated.
  virtual void emit(std::string_view event, std::string_view arguments_json) = 0;
  /// A Problem of a subscription; if `ended` it is over, and forget() follows. `json`: as the event `error` has it.
  virtual void problem(const fanout::Flow& flow, const Error& error, bool ended, const std::string& json) {
    (void)flow, (void)error, (void)ended;
    emit("error", json);
  }
  /// Ends the client after what was sent.
  virtual void close(std::string_view reason) = 0;
  /// The number of its connection in the log; 0: none.
  virtual std::uint64_t connection() const { return 0; }
  /// The client's address, for the record.
  virtual std::string client() const { return {}; }

 protected:
  ~Door() = default;
};

/// How a message came out.
struct Outcome {
  std::optional<Error> error{};        // else it went well
  std::string data = "null";           // JSON
  const fanout::Flow* flow = nullptr;  // of a subscription that stands now: what Door::send() will name
};
/// [any] `{"data":...}` or `{"error":{...}}`
std::string acknowledgement(const Outcome& outcome);

/// Answers a message that asked for it, once. Empty if none was asked for.
using Reply = Function<void(const Outcome& outcome)>;

/// [any] The refusal of one who brings no token, or one whose session has ended.
Error no_token();
Error dead_session();

/// [lane of its reactor]
class Client {
 public:
  /// Bounds of what one client may hold.
  static constexpr std::size_t kMaxCalls = 32;
  static constexpr std::size_t kMaxWaiting = 64;               // messages that arrive while a token is looked up
  static constexpr std::size_t kMaxWaitingBytes = 256 * 1024;  // of all of them, unless it is one

  Client(Sockets& sockets, reactor::Reactor& home, Door& door);
  Client(const Client&) = delete;
  ~Client();

  /// The door opens. An empty `token` is a client that may log in later. `done` is called later, once, with the
  /// refusal or without; after a success with a token the client is authenticated and has been told so.
  void open(std::string token, Function<void(const std::optional<Error>& refusal)> done);

  /// One message: `params` is the JSON of its first argument, or empty. One with a token, `authenticate`, has the
  /// outcome null.
  void message(std::string_view type, std::string_view params, Reply reply);

  /// The door writes events in another way from now on.
  void encoder_changed();

  /// The client gave a sign of life: its session stays.
  void alive();

  bool authenticated() const noexcept { return login_.has_value(); }

 private:
  friend class Sockets;
  class Subscribed;
  struct Waiting {
    std::string type;
    std::string params;
    Reply reply;
  };
  using Key = std::pair<const loader::StreamEntry*, std::string>;
  using Subscriptions = std::map<Key, std::unique_ptr<Subscribed>>;

  void look_up(std::string token, Function<void(Result<session::SessionPtr>)> done);
  void authenticate(std::string_view params, Reply reply);
  void become(session::SessionPtr session);
  void session_ended();
  void route(std::string_view type, std::string_view params, Reply reply);
  // Take `reply` only when nothing is left to throw: whoever catches answers with it.
  void subscribe(const loader::StreamEntry& stream, std::string_view params, Reply& reply);
  void unsubscribe(const loader::StreamEntry& stream, std::string_view params, Reply& reply);
  Subscriptions::iterator find(const Key& key, const StreamType& type);
  void call(const loader::CallEntry& entry, std::string_view params, Reply& reply);
  void refuse(const Error& error, std::string_view type, std::string_view params, Reply& reply);
  void plain_error(const Error& error);
  void run_waiting();

  Sockets& sockets_;
  reactor::Reactor& home_;
  Door& door_;
  std::optional<fanout::Login> login_;
  reactor::Clock::time_point touched_{};
  bool looking_up_ = false;
  std::vector<Waiting> waiting_;  // first come, first served; empty and without memory most of its life
  std::size_t waiting_bytes_ = 0;
  Subscriptions subscribed_;
  std::map<std::uint64_t, std::unique_ptr<fanout::PendingCall>> calls_;
  std::uint64_t last_call_ = 0;
  std::shared_ptr<Client*> alive_;  // for answers that may come after the client has left
};

/// All clients of all doors, by session, so that the end of one reaches them.
class Sockets {
 public:
  explicit Sockets(const Services& services);
  /// No session's end is told any more. [main], after the reactors have been joined
  void stop();
  const Services& services() const noexcept { return services_; }

 private:
  friend class Client;
  struct Session {
    std::set<Client*> clients;  // never empty
    session::EndWatch end;
  };
  using Shard = std::map<std::string, Session>;  // by token
  void add(Client& client);
  void remove(Client& client);

  const Services services_;
  std::vector<Shard> shards_;  // one a reactor, touched only there
  observe::Gauge& authenticated_;
  observe::Counter& too_many_subscriptions_;
};

}  // namespace pillard::router
