#pragma once
// One request to a plugin, run on its node's lane; the answer goes home to the caller's reactor.
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "fanout/on_footing.h"
#include "loader/registry.h"
#include "pillard/registrar.h"
#include "reactor/reactor.h"
#include "session/result.h"
#include "session/session.h"
#include "ssh/pool.h"

namespace pillard::fanout {

/// A session whose owner was found to be who they say, the key under which its node's lane is found, and where its
/// owner speaks from.
struct Login {
  session::SessionPtr session;
  std::string lane_key;          // session::lane_key() of its credential: made once, not for each subscription
  std::string client{};          // its address
  std::uint64_t connection = 0;  // its number in the log
};

/// JSON of the response, or the Problem.
using Answer = Result<std::string>;

/// The caller's end. Destroyed, `done` is not called any more and the work on the node is ended. [lane of the caller]
class PendingCall {
 public:
  PendingCall(reactor::Reactor& lane, Function<void(Answer)> done);
  PendingCall(const PendingCall&) = delete;
  ~PendingCall();

 private:
  friend class CallRun;
  friend class Hub;
  /// Seen by both ends; each field is touched by one of them only.
  struct Shared {
    PendingCall* home = nullptr;         // lane of the caller
    std::unique_ptr<class CallRun> run;  // lane of the node
    Shared();
    ~Shared();
  };
  reactor::Reactor& lane_;
  Function<void(Answer)> done_;
  std::shared_ptr<Shared> shared_;
};

/// The node's end: waits for the lane, runs the plugin's Call, answers once.
class CallRun final : private ssh::Lane::User, private OnFooting<CallContext> {
 public:
  CallRun(const std::shared_ptr<PendingCall::Shared>& shared, reactor::Reactor& home, reactor::Reactor& lane,
          ssh::Lane& ssh_lane, const loader::CallEntry& entry, std::string params, Login login);
  ~CallRun() override;

 private:
  void lane_up() override;
  void lane_down(const Error& error) override;
  void fail(Error error) override {
    if (footing_->at_work("fail()")) answer(loader::presentable(error));
  }
  void reply_json(std::string json) override {
    if (footing_->may_say(json)) answer(std::move(json));
  }
  void audit(const AuditEntry& entry) override;

  void answer(Answer answer);
  void write_record(std::string_view end, std::string_view problem);

  std::weak_ptr<PendingCall::Shared> shared_;
  reactor::Reactor& home_;
  reactor::Reactor& reactor_;
  ssh::Lane& ssh_;
  loader::PluginRecord& plugin_;
  std::shared_ptr<const CallType> type_;  // null: nothing stands behind it any more
  std::string params_;
  const Login login_;
  struct Record {
    std::string action;
    std::string object;
    std::string result;
  };
  std::optional<Record> record_;  // until it was written
  bool answered_ = false;
  ssh::Lane::Use use_;
  reactor::Timer timer_;
};

}  // namespace pillard::fanout
