#pragma once
// Engine.IO's long polling: what waits for the next GET, and the two requests that a client may have under way.
#include <memory>
#include <optional>
#include <string>

#include "transport/address_limit.h"
#include "transport/engine_carrier.h"
#include "transport/http.h"
#include "transport/message_budget.h"
#include "transport/outbox.h"

namespace pillard::transport {

class EngineTable;

/// [lane] Belongs to its session.
class Polling {
 public:
  /// `place`: among the polled sessions of its client's address.
  Polling(EngineTable& table, EngineSession& session, AddressLimit::Place place);
  ~Polling();

  void send(SharedBatch batch);
  void send(SharedBatch batch, const Flow& flow);
  void gap(const Flow& flow, std::uint64_t dropped);
  Outbox& outbox() noexcept { return outbox_; }

  /// The request's visit; a second one of its kind at the same time ends the session.
  Site::Admission get();
  Site::Admission post(const wire::HttpRequest& request);

  /// A WebSocket that would take over, or null. It is closed if it does not do so in time.
  EngineCarrier* offered() noexcept { return offered_; }
  void offer(EngineCarrier& carrier);
  /// It goes, or is closed.
  void withdraw();
  /// It was tried and works: what the client polls for now is released.
  void probed();
  /// What waits is still given to the polls, then `last` in an answer of its own: a client that finds both in one may
  /// see the end before what came first.
  void end(wire::engine_io::Type last);
  /// The WebSocket took over, and what waited.
  void taken_over();
  /// Whether that is still owed to a poll that has not come.
  bool owes() const noexcept { return last_.has_value(); }
  /// In the middle of a POST whose client has to wait, which can bring no pong now.
  bool holds_back() const noexcept { return release_.pending(); }

 private:
  class Get;
  class Post;
  void queued();
  void answer_later();
  void answer();
  std::string take();
  void take_post(std::string body);
  void work_off();
  void forget_post();

  EngineTable& table_;
  EngineSession& session_;
  AddressLimit::Place place_;
  Outbox outbox_;
  Get* get_ = nullptr;
  Post* post_ = nullptr;
  EngineCarrier* offered_ = nullptr;
  bool probed_ = false;
  std::optional<wire::engine_io::Type> last_;
  bool answering_ = false;  // at the end of this turn
  MessageBudget budget_;
  std::string posted_;  // the body that packets_ walks through
  std::optional<wire::engine_io::PayloadReader> packets_;
  reactor::Timer upgrade_deadline_;
  reactor::Timer release_;
  std::shared_ptr<Polling*> self_ = std::make_shared<Polling*>(this);
};

}  // namespace pillard::transport
