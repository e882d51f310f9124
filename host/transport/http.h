#pragma once
// HTTP/1.1 on a connection: one request at a time, kept alive, until it is upgraded or ends.
#include <memory>
#include <optional>
#include <string>

#include "reactor/reactor.h"
#include "transport/connection.h"
#include "wire/http_head.h"
#include "wire/http_response.h"

namespace pillard::transport {

/// What is served on a listener. Its functions run on the reactor of the connection that asks.
class Site {
 public:
  using Answer = Function<void(wire::HttpResponse)>;
  virtual ~Site() = default;

  /// Looked at when only the head has arrived: refuses before a body is read. Empty: go on.
  virtual std::optional<wire::HttpResponse> refuse(const wire::HttpRequest& request) = 0;
  /// Answers once, from inside or later.
  virtual void handle(Connection& connection, const wire::HttpRequest& request, std::string body, Answer answer) = 0;
  /// For requests that want to become a WebSocket: what the connection speaks from now on, after `first` was sent; or
  /// the refusal.
  struct Upgrade {
    std::string first;
    std::unique_ptr<Protocol> protocol;
  };
  virtual std::variant<Upgrade, wire::HttpResponse> upgrade(Connection& connection,
                                                            const wire::HttpRequest& request) = 0;
};

class HttpProtocol final : public Protocol {
 public:
  HttpProtocol(Connection& connection, Site& site);
  ~HttpProtocol() override;

  std::size_t consume(std::span<char> input) override;
  void input_ended() override;
  void going_away() override;
  void not_reading(observe::Text why) override { connection_.abort(why); }

 private:
  std::size_t take_head(std::string_view input);
  std::size_t take_body(std::string_view input);
  void dispatch();
  void upgrade();
  void answer(wire::HttpResponse response);
  void refuse(const wire::HttpError& error);
  void arm(std::chrono::milliseconds timeout);

  Connection& connection_;
  Site& site_;
  const wire::HttpLimits limits_;
  std::optional<wire::HttpRequest> request_;  // its head has arrived
  std::string body_;
  std::size_t scanned_ = 0;  // bytes of an unfinished head that were searched already
  bool begun_ = false;       // some byte of a request has come
  bool answering_ = false;
  bool closing_ = false;  // this answer is the last
  reactor::Timer deadline_;
  std::shared_ptr<HttpProtocol*> self_;  // for answers that come late
};

}  // namespace pillard::transport
