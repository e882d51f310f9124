#include "transport/call_door.h"

#include "router/api.h"
#include "router/problem.h"
#include "router/rest.h"

namespace pillard::transport {

namespace {
class NoEvents final : public fanout::Encoder {
 public:
  void encode(std::string&, const fanout::Label&, std::string_view, std::string_view) const override {}
};

constexpr auto kTooMany = "Too many requests from this address.";
constexpr auto kEnds = "The server ends; ask again.";

wire::HttpResponse retry_after(wire::HttpResponse response, std::chrono::steady_clock::duration wait) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}
}  // namespace

wire::HttpResponse too_many_requests(std::chrono::steady_clock::duration wait) {
  return retry_after(router::problem_response(Error(Code::kOverloaded, kTooMany)), wait);
}

wire::HttpResponse server_ends() { return router::problem_response(Error(Code::kOverloaded, kEnds), 503); }

CallDoor::CallDoor(router::Sockets& sockets, AddressBudgets& budgets, const Connection& connection,
                   const wire::HttpRequest& request, std::string_view type, const router::Wording& wording)
    : budgets_(budgets),
      connection_(connection),
      request_(request),
      type_(type),
      wording_(wording),
      reactor_(connection.home().reactor()),
      client_(sockets, reactor_, *this) {}

const fanout::Encoder& CallDoor::encoder() const {
  static const NoEvents kNone;
  return kNone;
}

void CallDoor::handle(std::string body, Site::Answer answer) {
  answer_ = std::move(answer);
  auto& metrics = connection_.home().metrics();
  metrics.messages.add();
  if (const auto wait = budgets_.charge(request_.client, reactor_.now(), body.size()); wait.count() > 0) {
    metrics.throttled.add();
    metrics.limits.messages_per_second.add();
    return respond(retry_after(wording_.problem(Error(Code::kOverloaded, kTooMany), 0), wait));
  }
  auto token = router::token_of(request_);
  if (token.empty()) return refuse(router::no_token());
  if (!body.empty()) {
    try {
      json::Reader reader(body);
      reader.read_raw();
      reader.finish();
    } catch (const json::ParseError& error) {
      return refuse(Error(Code::kBadRequest, std::string("The body is not valid JSON: ") + error.what()));
    }
  }
  client_.open(std::move(token), [this](const std::optional<Error>& refusal) {
    // Only the store being away is not about the token.
    if (refusal) refuse(*refusal, refusal->code() == Code::kUnauthenticated ? 401 : 503);
  });
  // Waits for the token.
  client_.message(type_, body, [this](const router::Outcome& outcome) { this->answer(outcome); });
}

void CallDoor::answer(const router::Outcome& outcome) {
  if (outcome.error) return refuse(*outcome.error);
  try {
    respond(wording_.success(outcome.data));
  } catch (const Error& error) {
    refuse(error);
  }
}

void CallDoor::going_away() { refuse(Error(Code::kOverloaded, kEnds), 503); }

void CallDoor::close(std::string_view) { refuse(router::dead_session()); }

/// Not from inside: the answer ends this visit, and with it the client whose code is running.
void CallDoor::respond(wire::HttpResponse response) {
  if (!answer_) return;
  reactor_.post([answer = std::exchange(answer_, nullptr), response = std::move(response)]() mutable {
    answer(std::move(response));
  });
}

}  // namespace pillard::transport
