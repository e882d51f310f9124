#include "transport/stream_door.h"

#include "router/api.h"
#include "router/problem.h"
#include "router/rest.h"
#include "wire/event_stream.h"
#include "wire/query_params.h"

namespace pillard::transport {

namespace {
/// The id of the last event of a stream that is over. A browser comes back with it, and is told not to.
constexpr std::string_view kEnded = "pillard:ended";
constexpr std::string_view kRetry = "retry: 2000\n\n";  // ms, before a browser comes back

class EventStreamEncoder final : public fanout::Encoder {
 public:
  void encode(std::string& out, const fanout::Label& label, std::string_view json,
              std::string_view cursor) const override {
    wire::event_stream::append(out, label.type, json, cursor);
  }
};

std::string event_of(std::string_view event, std::string_view json, std::string_view id = {}) {
  std::string out;
  wire::event_stream::append(out, event, json, id);
  return out;
}
}  // namespace

Site::Taken StreamDoor::open(router::Sockets& sockets, AddressBudgets& budgets, Connection& connection,
                             const wire::HttpRequest& request, Options options) {
  auto& metrics = connection.home().metrics();
  metrics.messages.add();
  const auto now = connection.reactor().now();
  if (const auto wait = budgets.charge(request.client, now, request.target.size()); wait.count() > 0) {
    metrics.throttled.add();
    metrics.limits.messages_per_second.add();
    return too_many_requests(wait);
  }
  // What a browser remembers counts more than what the page once wrote into the address.
  const auto last = request.header("Last-Event-ID");
  const auto resume = last && !last->empty() ? *last : request.parameter("lastEventId").value_or(std::string_view{});
  if (resume == kEnded) return wire::HttpResponse{.status = 204};
  auto token = router::token_of(request);
  if (token.empty()) return router::problem_response(router::no_token());
  const auto type = router::api_type(request.path);
  const auto* const stream = sockets.services().registry.find_subscribe(type);
  try {
    if (!stream) throw Error(Code::kNotFound, "There is no stream of this name here any more.");  // since the head
    const auto params = wire::params_of_query(request.query, stream->working()->params().fields, resume);
    return std::make_unique<StreamDoor>(sockets, connection, std::move(token), type, params, std::move(options));
  } catch (const Error& error) {
    return router::problem_response(error);
  }
}

StreamDoor::StreamDoor(router::Sockets& sockets, Connection& connection, std::string token, std::string_view type,
                       std::string_view params, Options options)
    : connection_(connection), options_(std::move(options)), client_(sockets, connection.reactor(), *this) {
  client_.open(std::move(token), [this](const std::optional<Error>& refusal) {
    if (refusal) refuse(router::problem_response(*refusal, refusal->code() == Code::kUnauthenticated ? 401 : 503));
  });
  // Waits for the token.
  client_.message(type, params, [this](const router::Outcome& outcome) {
    outcome.error ? refuse(router::problem_response(*outcome.error)) : begin();
  });
}

const fanout::Encoder& StreamDoor::encoder() const {
  static const EventStreamEncoder kEncoder;
  return kEncoder;
}

void StreamDoor::begin() {
  if (refused_) return;
  streaming_ = true;
  // Proxies that collect answers would hold a stream back for ever.
  wire::HttpResponse head{
      .headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
      .body = std::string(kRetry),
      .open_ended = true};
  head.headers.insert(head.headers.end(), options_.headers.begin(), options_.headers.end());
  connection_.send(wire::encode_response(head));
  beat();
}

void StreamDoor::beat() {
  heartbeat_ = connection_.reactor().after(options_.heartbeat, [this] {
    connection_.send(std::string(wire::event_stream::kHeartbeat));
    client_.alive();
    if (connection_.open()) beat();
  });
}

void StreamDoor::refuse(wire::HttpResponse response) {
  if (std::exchange(refused_, true) || streaming_) return;
  response.keep_alive = false;
  response.headers.insert(response.headers.end(), options_.headers.begin(), options_.headers.end());
  connection_.send(wire::encode_response(response));
  connection_.finish();
}

void StreamDoor::emit(std::string_view event, std::string_view arguments_json) {
  if (streaming_ && event == "error") connection_.send(event_of(event, arguments_json));
}

void StreamDoor::problem(const Flow&, const Error&, bool ended, const std::string& json) {
  connection_.send(event_of("error", json, ended ? kEnded : std::string_view{}));
  if (ended) connection_.finish();
}

void StreamDoor::close(std::string_view) {
  if (!streaming_) return refuse(router::problem_response(router::dead_session()));
  connection_.finish();
}

void StreamDoor::not_reading(observe::Text why) {
  connection_.home().log().info("transport", "client closed",
                                {{"connection", observe::base36(connection_.id())}, {"why", why.view()}});
  connection_.discard();
  if (streaming_)
    connection_.send(event_of("error", router::problem_json(Error(Code::kOverloaded, std::string(why.view())))));
  connection_.finish();
}

}  // namespace pillard::transport
