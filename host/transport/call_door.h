#pragma once
// The door for one call by HTTP.
#include <string>

#include "router/client.h"
#include "router/problem.h"
#include "transport/address_budgets.h"
#include "transport/http.h"

namespace pillard::transport {

/// One request, and the client of the router that it is. What differs between addresses is which message type it is and
/// how it is answered. [lane]
class CallDoor final : public Site::Visit, private router::Door {
 public:
  /// All outlive it.
  CallDoor(router::Sockets& sockets, AddressBudgets& budgets, const Connection& connection,
           const wire::HttpRequest& request, std::string_view type, const router::Wording& wording);
  void handle(std::string body, Site::Answer answer) override;
  void going_away() override;

 private:
  // router::Door: a call has no events
  const fanout::Encoder& encoder() const override;
  void send(const SharedBatch&, const Flow&) override {}
  void gap(const Flow&, std::uint64_t) override {}
  void forget(const Flow&, bool) override {}
  void emit(std::string_view, std::string_view) override {}
  void close(std::string_view reason) override;
  std::uint64_t connection() const override { return connection_.id(); }
  std::string client() const override { return request_.client.text(); }

  void respond(wire::HttpResponse response);
  void refuse(const Error& error, int status = 0) { respond(wording_.problem(error, status)); }
  void answer(const router::Outcome& outcome);

  AddressBudgets& budgets_;
  const Connection& connection_;
  const wire::HttpRequest& request_;
  const std::string_view type_;
  const router::Wording& wording_;
  reactor::Reactor& reactor_;
  Site::Answer answer_;  // until it was given
  router::Client client_;
};

/// [any] The refusal of one who asks too much; with Retry-After.
wire::HttpResponse too_many_requests(std::chrono::steady_clock::duration wait);
/// [any] The refusal of what is not answered any more, because the daemon ends.
wire::HttpResponse server_ends();

}  // namespace pillard::transport
