#include "transport/socket_io_door.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "pillard/fields.h"
#include "router/problem.h"

namespace pillard::transport {

namespace sio = wire::socket_io;

namespace {
constexpr std::string_view kRoot = "/";

class NamespaceEncoder final : public fanout::Encoder {
 public:
  explicit NamespaceEncoder(std::string name) : name_(std::move(name)) {}
  void encode(std::string& out, const fanout::Label& label, std::string_view json, std::string_view) const override {
    sio::append_event_frame(out, name_, label.type, json);
  }

 private:
  const std::string name_;
};

/// The encoder of a namespace, shared by all who are in it and never destroyed: a topic may still use it when the last
/// of them has left. Null: there are too many names. [any]
const fanout::Encoder* encoder_of(const std::string& name) {
  constexpr std::size_t kMost = 4096;
  static const NamespaceEncoder kRootEncoder{std::string(kRoot)};
  if (name == kRoot) return &kRootEncoder;
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<NamespaceEncoder>> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(name);
  if (found != known.end()) return found->second.get();
  if (known.size() >= kMost) return nullptr;
  return known.emplace(name, std::make_unique<NamespaceEncoder>(name)).first->second.get();
}

/// `token` of the CONNECT packet's auth object, if it has one that is a string.
std::string token_of(std::string_view auth) {
  if (auth.empty()) return {};
  json::Reader reader(auth);
  std::string token;
  reader.enter_object();
  while (const auto key = reader.next_key()) {
    if (*key == "token" && reader.peek() == json::Kind::kString) {
      token = reader.read_string();
    } else {
      reader.read_raw();
    }
  }
  return token;
}

/// Whether `pattern` is the name, or is "/x/*" and the name one below /x/.
bool fits(std::string_view name, std::string_view pattern) {
  if (!pattern.ends_with("/*")) return name == pattern;
  pattern.remove_suffix(1);
  if (!name.starts_with(pattern) || name.size() > pattern.size() + 64) return false;
  name.remove_prefix(pattern.size());
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}
}  // namespace

std::unique_ptr<NamespaceHandler> RouterNamespaces::make(Namespace& joining) {
  if (std::none_of(names_.begin(), names_.end(), [&](const auto& one) { return fits(joining.name(), one); }))
    return nullptr;
  return std::make_unique<SocketIoDoor>(sockets_, joining, cookie_token_, address_);
}

void SocketIoDoor::open(std::string_view auth) {
  // In the old server's own namespace the cookie has the last word. Elsewhere each node has a token of its own.
  auto token = token_of(auth);
  if (!cookie_token_.empty() && (token.empty() || namespace_.name() == kRoot)) token = cookie_token_;
  client_ = std::make_unique<router::Client>(sockets_, namespace_.session().reactor(), *this);
  client_->open(std::move(token), [this](const std::optional<Error>& refusal) {
    if (refusal) return namespace_.refuse(refusal->what());
    encoder_ = encoder_of(namespace_.name());
    if (!encoder_) return namespace_.refuse("Too many namespaces");
    namespace_.accept();
  });
}

void SocketIoDoor::event(const SocketEvent& event) {
  router::Reply reply;
  if (event.name == "authenticate") {  // the old server's words come as an event, whoever asked for what
    reply = [self = self_, id = event.id](const router::Outcome& outcome) {
      if (!*self) return;
      if (outcome.error) (*self)->emit("error", router::problem_json(*outcome.error));
      if (id) (*self)->namespace_.acknowledge(*id, outcome.error ? "false" : "true");
    };
  } else if (event.id) {
    reply = [self = self_, id = *event.id](const router::Outcome& outcome) {
      if (*self) (*self)->namespace_.acknowledge(id, router::acknowledgement(outcome));
    };
  }
  std::string params(event.arguments.empty() ? std::string_view{} : event.arguments.front());
  if (!event.attachments.empty()) params = sio::with_attachments(params, event.attachments);
  client_->message(event.name, params, std::move(reply));
}

void SocketIoDoor::heartbeat() { client_->alive(); }

void SocketIoDoor::carried() { client_->encoder_changed(); }

void SocketIoDoor::send(const SharedBatch& batch, const Flow& flow) { namespace_.session().send(batch, flow); }

void SocketIoDoor::gap(const Flow& flow, std::uint64_t dropped) { namespace_.session().gap(flow, dropped); }

void SocketIoDoor::forget(const Flow& flow, bool deliver) { namespace_.session().forget(flow, deliver); }

void SocketIoDoor::emit(std::string_view event, std::string_view arguments_json) {
  namespace_.emit(event, arguments_json);
}

void SocketIoDoor::close(std::string_view) { namespace_.leave(); }

}  // namespace pillard::transport
