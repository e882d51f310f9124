#include "transport/http.h"

#include "router/rest.h"
#include "wire/http_text.h"

namespace pillard::transport {

namespace {
constexpr std::chrono::seconds kIdle{60};  // between requests

wire::HttpLimits limits_of(const config::Limits& limits) {
  return {.head = limits.head_bytes, .content = limits.body_bytes};
}
}  // namespace

HttpProtocol::HttpProtocol(Connection& connection, Site& site)
    : connection_(connection),
      site_(site),
      limits_(limits_of(connection.home().limits())),
      self_(std::make_shared<HttpProtocol*>(this)) {
  // Whoever opens a connection wants something: the first head has no idle time before it.
  arm(connection_.home().limits().head_timeout);
}

HttpProtocol::~HttpProtocol() { *self_ = nullptr; }

void HttpProtocol::arm(std::chrono::milliseconds timeout) {
  deadline_ = connection_.reactor().after(timeout, [this] {
    if (!begun_) return connection_.finish();
    refuse({.status = 408, .reason = "The request did not arrive in time."});
  });
}

std::size_t HttpProtocol::consume(std::span<char> input) {
  if (answering_) return 0;
  const std::string_view text(input.data(), input.size());
  return request_ ? take_body(text) : take_head(text);
}

std::size_t HttpProtocol::take_head(std::string_view input) {
  // Empty lines before a request are tolerated, as RFC 9112 asks.
  if (!begun_ && input.starts_with("\r\n")) return 2;
  if (!begun_ && input == "\r") return 0;
  if (!begun_) {
    begun_ = true;
    // One deadline for the whole head, not one for each of its bytes.
    arm(connection_.home().limits().head_timeout);
  }
  const auto found = wire::find_head(input, limits_, scanned_);
  if (found.state == wire::HeadSearch::State::kIncomplete) {
    scanned_ = input.size();
    return 0;
  }
  if (found.state == wire::HeadSearch::State::kBad) {
    refuse(found.error);
    return 0;
  }
  scanned_ = 0;
  auto head = wire::read_head(input.substr(0, found.size), limits_);
  if (auto* error = std::get_if<wire::HttpError>(&head)) {
    refuse(*error);
    return 0;
  }
  request_ = std::move(std::get<wire::HttpRequest>(head));
  closing_ = !request_->keep_alive;
  if (auto refusal = site_.refuse(*request_)) {
    // A body was not read, and frames may stand behind an upgrade: what follows cannot be told from them.
    closing_ =
        closing_ || request_->chunked || request_->content_length.value_or(0) > 0 || request_->wants_websocket_upgrade;
    answer(std::move(*refusal));
    return found.size;
  }
  if (request_->chunked) {
    refuse({.status = 411, .reason = "Send the body with a Content-Length."});
    return found.size;
  }
  if (request_->wants_websocket_upgrade) {
    upgrade();
  } else if (request_->content_length.value_or(0) == 0) {
    dispatch();
  } else if (const auto expect = request_->header("Expect")) {
    if (wire::iequals(*expect, "100-continue")) connection_.send("HTTP/1.1 100 Continue\r\n\r\n");
  }
  return found.size;
}

std::size_t HttpProtocol::take_body(std::string_view input) {
  // In one piece, so that growing leaves no copies of a password behind.
  if (body_.empty()) body_.reserve(*request_->content_length);
  const auto take = std::min<std::size_t>(input.size(), *request_->content_length - body_.size());
  body_.append(input.substr(0, take));
  if (body_.size() == *request_->content_length) dispatch();
  return take;
}

void HttpProtocol::dispatch() {
  answering_ = true;
  deadline_.reset();  // what takes long from here on is ours
  connection_.pause();
  site_.handle(connection_, *request_, std::move(body_), [weak = std::weak_ptr(self_)](wire::HttpResponse response) {
    const auto self = weak.lock();
    if (self && *self) (*self)->answer(std::move(response));
  });
}

void HttpProtocol::upgrade() {
  auto outcome = site_.upgrade(connection_, *request_);
  if (auto* refusal = std::get_if<wire::HttpResponse>(&outcome)) {
    closing_ = true;
    return answer(std::move(*refusal));
  }
  auto& accepted = std::get<Site::Upgrade>(outcome);
  deadline_.reset();
  connection_.send(std::move(accepted.first));
  connection_.replace(std::move(accepted.protocol));
}

void HttpProtocol::answer(wire::HttpResponse response) {
  response.keep_alive = !closing_;
  response.head_only = request_ && request_->method == "HEAD";
  connection_.send(wire::encode_response(response));
  request_.reset();
  body_ = {};
  answering_ = false;
  begun_ = false;
  if (closing_) return connection_.finish();
  arm(kIdle);
  connection_.resume();
}

void HttpProtocol::refuse(const wire::HttpError& error) {
  closing_ = true;
  answering_ = true;
  deadline_.reset();
  answer(router::error_response(error.status, error.reason));
}

void HttpProtocol::input_ended() {
  // Whoever has asked and ended only its own side still gets the answer; else nothing more can come.
  if (answering_) {
    closing_ = true;
  } else {
    connection_.finish();
  }
}

void HttpProtocol::going_away() {
  closing_ = true;
  if (!answering_) connection_.finish();
}

}  // namespace pillard::transport
