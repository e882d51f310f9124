#include "transport/http.h"

#include <algorithm>
#include <limits>

#include "router/rest.h"
#include "wire/http_text.h"

namespace pillard::transport {

namespace {
/// How much of a body is too much depends on what is asked for.
wire::HttpLimits limits_of(const config::Limits& limits) {
  return {.head = limits.head_bytes, .content = std::numeric_limits<std::int64_t>::max()};
}
}  // namespace

std::uint64_t Site::body_limit(const Connection& connection, const wire::HttpRequest&) {
  return connection.home().limits().body_bytes;
}

std::optional<wire::HttpResponse> Site::admit(Connection& connection, wire::HttpRequest& request) {
  request.client = connection.peer();
  request.secure = connection.secure();
  request.local_socket = connection.peer().unix_socket();
  return std::nullopt;
}

wire::HttpResponse Site::refusal(const wire::HttpRequest&, const wire::HttpError& error) {
  return router::error_response(error.status, error.reason);
}

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
    auto& limits = connection_.home().metrics().limits;
    (kept_ && !begun_ ? limits.idle_timeout : limits.head_timeout).add();
    if (!begun_) return connection_.finish();
    refuse({.status = 408, .reason = "The request did not arrive in time."});
  });
}

std::size_t HttpProtocol::consume(std::span<char> input) {
  if (answering_) return 0;
  const std::string_view text(input.data(), input.size());
  if (!request_) return take_head(text);
  return chunks_ ? take_chunks(text) : take_body(text);
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
  if (auto refusal = site_.admit(connection_, *request_)) {
    closing_ = closing_ || !refusal->keep_alive;
    refuse_unread(std::move(*refusal));
    return found.size;
  }
  if (auto* home = site_.home(connection_, *request_)) {
    connection_.move_to(*home,
                        [&site = site_](Connection& there) { return std::make_unique<HttpProtocol>(there, site); });
    return 0;  // the head is read again there
  }
  if (auto refusal = site_.refuse(*request_)) {
    refuse_unread(std::move(*refusal));
  } else if (request_->wants_websocket_upgrade) {
    upgrade();
  } else if (expect_body()) {
    if (request_->content_length.value_or(0) == 0 && !request_->chunked) {
      dispatch();
    } else if (const auto expect = request_->header("Expect")) {
      if (wire::iequals(*expect, "100-continue")) connection_.send("HTTP/1.1 100 Continue\r\n\r\n");
    }
  }
  return found.size;
}

/// Whether the body, if there is one, is to be read.
bool HttpProtocol::expect_body() {
  const auto most = site_.body_limit(connection_, *request_);
  if (request_->content_length.value_or(0) > most) {
    refuse({.status = 413, .reason = "the body is too large"});
    return false;
  }
  auto admission = site_.visit(connection_, *request_);
  if (auto* refusal = std::get_if<wire::HttpResponse>(&admission)) {
    refuse_unread(std::move(*refusal));
    return false;
  }
  visit_ = std::get<std::unique_ptr<Site::Visit>>(std::move(admission));
  if (request_->chunked) chunks_ = std::make_unique<wire::ChunkedDecoder>(most);
  // In one piece as long as it may hold a password, so that growing leaves no copies behind; of what is longer no more
  // than has come, whatever is announced.
  const std::uint64_t room = connection_.home().limits().body_bytes;
  if (request_->chunked || request_->content_length.value_or(0) > 0)
    body_.reserve(std::min(room, request_->chunked ? most : *request_->content_length));
  return true;
}

std::size_t HttpProtocol::take_chunks(std::string_view input) {
  auto rest = input;
  switch (chunks_->take(rest, body_)) {
    case wire::ChunkedDecoder::State::kMore: break;
    case wire::ChunkedDecoder::State::kDone:
      chunks_.reset();
      dispatch();
      break;
    case wire::ChunkedDecoder::State::kBad: refuse(chunks_->error()); break;
  }
  return input.size() - rest.size();
}

std::size_t HttpProtocol::take_body(std::string_view input) {
  const auto take = std::min<std::size_t>(input.size(), *request_->content_length - body_.size());
  body_.append(input.substr(0, take));
  if (body_.size() == *request_->content_length) dispatch();
  return take;
}

void HttpProtocol::dispatch() {
  answering_ = true;
  deadline_.reset();  // what takes long from here on is ours
  if (!visit_) {
    auto taken = site_.take_over(connection_, *request_);
    if (auto* refusal = std::get_if<wire::HttpResponse>(&taken)) return this->answer(std::move(*refusal));
    if (auto* next = std::get_if<std::unique_ptr<Protocol>>(&taken)) return connection_.replace(std::move(*next));
  }
  connection_.pause(visit_ != nullptr);
  auto answer = [weak = std::weak_ptr(self_)](wire::HttpResponse response) {
    const auto self = weak.lock();
    if (self && *self) (*self)->answer(std::move(response));
  };
  if (visit_) {
    visit_->handle(std::move(body_), std::move(answer));
  } else {
    site_.handle(connection_, *request_, std::move(body_), std::move(answer));
  }
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
  if (request_) site_.dress(*request_, response);
  connection_.send(wire::encode_response(response));
  request_.reset();
  visit_.reset();
  chunks_.reset();
  body_ = {};
  answering_ = false;
  begun_ = false;
  kept_ = true;
  site_.answered(connection_);
  if (closing_) return connection_.finish();
  arm(connection_.home().limits().idle_timeout);
  connection_.resume();
}

void HttpProtocol::refuse(const wire::HttpError& error) {
  auto& limits = connection_.home().metrics().limits;
  if (error.status == 413) limits.body_bytes.add();
  if (error.status == 431) limits.head_bytes.add();
  closing_ = true;
  answering_ = true;
  deadline_.reset();
  answer(request_ ? site_.refusal(*request_, error) : router::error_response(error.status, error.reason));
}

/// Without looking at a body. That was not read, and frames may stand behind an upgrade: what follows cannot be told
/// from them.
void HttpProtocol::refuse_unread(wire::HttpResponse response) {
  closing_ =
      closing_ || request_->chunked || request_->content_length.value_or(0) > 0 || request_->wants_websocket_upgrade;
  answer(std::move(response));
}

void HttpProtocol::input_ended() {
  if (visit_) return connection_.abort("client left during a request");
  // Whoever has asked and ended only its own side still gets the answer; else nothing more can come.
  if (answering_) {
    closing_ = true;
  } else {
    connection_.finish();
  }
}

void HttpProtocol::going_away() {
  closing_ = true;
  if (!answering_) return connection_.finish();
  if (visit_) visit_->going_away();
}

}  // namespace pillard::transport
