#pragma once
#include <concepts>
#include <memory>
#include <utility>

#include "pillard/context.h"
#include "pillard/export.h"
#include "pillard/message_type.h"
#include "pillard/typed_message.h"

namespace pillard {

/// Where a plugin says what it offers. [setup]
class PILLARD_API Registrar {
 public:
  virtual ~Registrar();

  /// Offers a stream: `SourceT(Context&, Params)`. Params is a struct with PILLARD_FIELDS; its optional `void check()`,
  /// const or not, throws Error for what the types cannot say, and may normalise: what it leaves is what is shared and
  /// handed to the Source. Optional `void SourceT::retune(Params)`, and `using SourceT::Event` for the description of
  /// what it publishes.
  template <class Params, std::derived_from<Source> SourceT>
  void stream(StreamOptions options) {
    stream<Params, SourceT>(std::move(options), [](Context& context, const Params& params) {
      return std::make_unique<SourceT>(context, params);
    });
  }
  /// The same for a Source that needs more than its params: `factory(Context&, const Params&)` returns a
  /// unique_ptr<SourceT>. It is called on any lane, several at once: let it hold only what never changes.
  template <class Params, std::derived_from<Source> SourceT, class Factory>
  void stream(StreamOptions options, Factory factory) {
    add(std::make_unique<detail::TypedStream<Params, SourceT, Factory>>(std::move(options), std::move(factory)));
  }

  /// Offers a call: `CallT(CallContext&, Request)`, or made by `factory(CallContext&, Request)`. Optional
  /// `using CallT::Response` for the description of what it replies.
  template <class Request, std::derived_from<Call> CallT>
  void call(CallOptions options) {
    call<Request, CallT>(std::move(options), [](CallContext& context, Request request) {
      return std::make_unique<CallT>(context, std::move(request));
    });
  }
  template <class Request, std::derived_from<Call> CallT, class Factory>
  void call(CallOptions options, Factory factory) {
    add(std::make_unique<detail::TypedCall<Request, CallT, Factory>>(std::move(options), std::move(factory)));
  }

  /// Throws std::invalid_argument for a bad or taken name.
  virtual void add(std::unique_ptr<StreamType> type) = 0;
  virtual void add(std::unique_ptr<CallType> type) = 0;
};

}  // namespace pillard
