#include "cli/typescript.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "cli/schema_node.h"
#include "pillard/json.h"
#include "router/openapi.h"

namespace pillard::cli {

namespace {
constexpr std::string_view kHead = R"(// Types of what goes between pillard and its clients.
// Written by `pillard describe --as typescript`: change the descriptions in the plugins instead.

)";

/// What all plugins have in common. The codes stand before it.
constexpr std::string_view kProtocol = R"(
/** What a message or a call failed with. */
export interface Failure {
  /** For a person: what is wrong and what to do. */
  message: string;
  code: Code;
}

/** The event `error`. Without `ended` a stream goes on, perhaps after a pause. */
export interface StreamError extends Failure {
  /** The message that it is about; left out for errors of authentication. */
  type?: string;
  /** As they were sent. */
  params?: unknown;
  /** The stream is over; nothing more comes. */
  ended?: true;
}

/** The body of every refusal below `/api/call/` and `/api/stream/` (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** For a person. */
  detail: string;
  code: Code;
}

/** What `POST /api/ssh/connect` answers. */
export type ConnectAnswer =
  | {
      success: true;
      /** The token; left out for pages of pillard's own address, which have the cookie. */
      sessionId?: string;
    }
  | { success: false; error: string; message: string; code: Code };

/** How many events are missing in this place: the client read too slowly. */
export interface Dropped {
  dropped: number;
}

/** An acknowledgement. */
export type Answer<Data> = { data: Data; error?: undefined } | { error: Failure; data?: undefined };
export type Acknowledge<Data> = (answer: Answer<Data>) => void;
)";

/// Of /ws, made of the maps above it.
constexpr std::string_view kNative = R"(
/** Given back in the answer, as it was written. */
export type NativeId = string | number;

type NativeParams<Params> = {} extends Params ? { params?: Params | null } : { params: Params };
type NativeAsk<Type, Params> = { type: Type; id?: NativeId } & NativeParams<Params>;
type NativeAnswer<Type, Data> =
  | { type: Type; id?: NativeId; data: Data; error?: undefined; topic?: undefined }
  | { type: Type; id?: NativeId; data?: undefined; error: Failure; topic?: undefined };

/** A message to `/ws`. `credit`: how many events a subscription takes until more is granted. */
export type NativeRequest =
  | NativeAsk<"auth", { token: string }>
  | NativeAsk<"grant", { topic: string; credit: number }>
  | { [Type in keyof Streams]: NativeAsk<Type, Streams[Type]["params"]> & { credit?: number } }[keyof Streams]
  | { [Type in keyof Streams]: NativeAsk<Streams[Type]["unsubscribe"], Streams[Type]["params"]> }[keyof Streams]
  | { [Type in keyof Calls]: NativeAsk<Type, Calls[Type]["params"]> }[keyof Calls];

/** An event at `/ws`; `topic` tells which subscription it is of. Streams with a `batch` come in lists. */
export type NativeEvent =
  | {
      [Type in keyof Streams]: Streams[Type] extends { batch: infer Batch }
        ? { type: Batch; topic: string; data: Streams[Type]["data"][]; id?: undefined; error?: undefined }
        : { type: Streams[Type]["event"]; topic: string; data: Streams[Type]["data"]; id?: undefined; error?: undefined };
    }[keyof Streams]
  | {
      [Type in keyof Streams]: Streams[Type] extends { gap: infer Gap; dropped: infer Data }
        ? { type: Gap; topic: string; data: Data; id?: undefined; error?: undefined }
        : never;
    }[keyof Streams];

/** A message from `/ws`. */
export type NativeMessage =
  | { type: "authenticated"; id?: undefined; topic?: undefined; data?: undefined; error?: undefined }
  | { type: "error"; id?: NativeId; topic?: string; data?: undefined; error: StreamError }
  | NativeAnswer<"auth" | "grant", null>
  | { [Type in keyof Streams]: NativeAnswer<Type, { topic: string }> }[keyof Streams]
  | { [Type in keyof Streams]: NativeAnswer<Streams[Type]["unsubscribe"], null> }[keyof Streams]
  | { [Type in keyof Calls]: NativeAnswer<Type, Calls[Type]["response"]> }[keyof Calls]
  | NativeEvent;

export {};
)";

/// "subscribe_status" -> "SubscribeStatus"
std::string camel(std::string_view name) {
  std::string out;
  bool begins = true;
  for (const char c : name) {
    if (c == '_') {
      begins = true;
    } else {
      out += begins && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      begins = false;
    }
  }
  return out;
}

std::string literal(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

std::string comment(std::string_view indent, std::string text) {
  if (text.empty()) return {};
  for (auto at = text.find("*/"); at != std::string::npos; at = text.find("*/", at)) text.replace(at, 2, "*\\/");
  return fmt::format("{}/** {} */\n", indent, text);
}

/// Declarations, in the order in which they were asked for: what holds others stands before them.
class Declarations {
 public:
  /// The type of a value; objects, its own and those in it, are declared under `name` or what begins with it.
  std::string type_of(const SchemaNode& node, const std::string& name, Side side) {
    if (!node.words.empty()) {
      std::string all;
      for (const auto& word : node.words) all += (all.empty() ? "" : " | ") + literal(word);
      return all;
    }
    if (node.is_list()) {
      const auto each = type_of(node.items.front(), name + "Item", side);
      return each.find(' ') == std::string::npos ? each + "[]" : fmt::format("({})[]", each);
    }
    if (is_struct(node)) return interface(node, name, {}, side);
    if (node.type == "object") return "Record<string, never>";
    if (node.type == "integer" || node.type == "number") return "number";
    if (node.type == "string" || node.type == "boolean") return node.type;
    return "unknown";
  }

  /// Declares a value's type under this name, whatever it is, and returns the name that it got.
  std::string declare(std::string_view schema, const std::string& name, const std::string& about, Side side) {
    const auto node = read_schema(schema);
    if (is_struct(node)) return interface(node, name, about, side);
    const auto [own, place] = reserve(name);
    const auto type = type_of(node, name, side);
    all_[place] = fmt::format("\n{}export type {} = {};\n", comment("", about), own, type);
    return own;
  }

  std::string text() const { return fmt::format("{}", fmt::join(all_, "")); }

 private:
  static bool is_struct(const SchemaNode& node) { return node.type == "object" && !node.properties.empty(); }

  std::string interface(const SchemaNode& node, const std::string& name, const std::string& about, Side side) {
    const auto [own, place] = reserve(name);
    auto text = fmt::format("\n{}export interface {} {{\n", comment("", about), own);
    for (const auto& [key, required, schema] : node.properties)
      text += fmt::format("{}  {}{}: {};\n", comment("  ", in_sentences(schema, side)), key, required ? "" : "?",
                          type_of(schema, name + camel(key), side));
    all_[place] = text + "}\n";
    return own;
  }
  /// A name that is free, this one or `name2`, `name3`, and where its declaration goes.
  std::pair<std::string, std::size_t> reserve(const std::string& name) {
    auto own = name;
    for (int i = 2; !names_.insert(own).second; ++i) own = fmt::format("{}{}", name, i);
    all_.emplace_back();
    return {own, all_.size() - 1};
  }

  std::vector<std::string> all_;
  std::set<std::string> names_{"Acknowledge",   "Answer",
                               "Calls",         "ClientToServerEvents",
                               "Code",          "ConnectAnswer",
                               "Dropped",       "Failure",
                               "NativeAnswer",  "NativeAsk",
                               "NativeEvent",   "NativeId",
                               "NativeMessage", "NativeParams",
                               "NativeRequest", "Problem",
                               "Record",        "ServerToClientEvents",
                               "StreamError",   "Streams"};
};

/// Members of an interface.
class Map {
 public:
  Map& add(const std::string& name, const std::string& type, const std::string& about = {}) {
    members_.push_back({name, type, about});
    return *this;
  }
  std::string text(const std::string& indent = {}) const {
    std::string text = "{";
    for (const auto& [name, type, about] : members_)
      text += fmt::format("\n{}{}  {}: {};", comment(indent + "  ", about), indent, name, type);
    return text + (members_.empty() ? "}" : '\n' + indent + '}');
  }

 private:
  struct Member {
    std::string name, type, about;
  };
  std::vector<Member> members_;
};

std::string interface(const std::string& about, const std::string& name, const Map& members) {
  return fmt::format("\n{}export interface {} {}\n", comment("", about), name, members.text());
}

class Document {
 public:
  Document() {
    types_.declare(router::connect_request_schema(), "ConnectRequest",
                   "The body of `POST /api/ssh/connect`, which logs in to a node.", Side::kClient);
    events_.add("authenticated", "() => void");
    events_.add("error", "(error: StreamError) => void");
    messages_.add("authenticate", "(token: string, acknowledge?: (good: boolean) => void) => void",
                  "With the `ssh_session` of a login.");
  }

  void add(const std::string& plugin, const StreamOffer& offer) {
    const auto& options = offer.options;
    for (const auto& name : {options.subscribe, options.unsubscribe, options.event}) take(name);
    const auto params = types_.declare(offer.params, camel(options.subscribe) + "Params",
                                       fmt::format("What `{}` asks for.", options.subscribe), Side::kClient);
    const auto data = types_.declare(offer.event, camel(options.event), fmt::format("What `{}` tells.", options.event),
                                     Side::kPillard);
    Map entry;
    entry.add("unsubscribe", literal(options.unsubscribe)).add("params", params);
    entry.add("event", literal(options.event)).add("data", data);
    if (!options.batch.empty()) entry.add("batch", literal(options.batch));
    if (options.overflow == Overflow::kDrop) {
      // Nothing can be both an object without properties and one with some.
      const auto dropped = read_schema(offer.params).properties.empty() ? "Dropped" : params + " & Dropped";
      gaps_[options.gap].push_back(dropped);
      entry.add("gap", literal(options.gap)).add("dropped", dropped);
    }
    streams_.add(options.subscribe, entry.text("  "), "Of the plugin " + plugin + ".");
    events_.add(options.event, fmt::format("(data: {}) => void", data));
    const auto message = read_schema(offer.params).all_optional()
                             ? fmt::format("(params?: {} | null, acknowledge?: Acknowledge<null>) => void", params)
                             : fmt::format("(params: {}, acknowledge?: Acknowledge<null>) => void", params);
    messages_.add(options.subscribe, message);
    messages_.add(options.unsubscribe, message, "Ends what was subscribed to with the same params.");
  }

  void add(const std::string& plugin, const CallOffer& offer) {
    const auto& name = offer.options.name;
    take(name);
    const auto params =
        types_.declare(offer.params, camel(name) + "Params", fmt::format("What `{}` asks for.", name), Side::kClient);
    const auto response = types_.declare(offer.response, camel(name) + "Response",
                                         fmt::format("What `{}` answers.", name), Side::kPillard);
    calls_.add(name, Map().add("params", params).add("response", response).text("  "), "Of the plugin " + plugin + ".");
    messages_.add(name, fmt::format("(params: {}{}, acknowledge: Acknowledge<{}>) => void", params,
                                    read_schema(offer.params).all_optional() ? " | null" : "", response));
  }

  std::string text() {
    for (const auto& [gap, params] : gaps_) {
      const auto any = fmt::format("{}", fmt::join(params, " | "));
      events_.add(gap, fmt::format("(gap: {}) => void", any), "Its stream's params, and how many events are missing.");
    }
    return types_.text() + interface("What can be subscribed to, by the message that does it.", "Streams", streams_) +
           interface("What is answered once, by its message.", "Calls", calls_) +
           interface("For `Socket<ServerToClientEvents, ClientToServerEvents>` of socket.io-client.",
                     "ServerToClientEvents", events_) +
           interface("What a client sends by Socket.IO. Calls answer by the acknowledgement alone.",
                     "ClientToServerEvents", messages_);
  }

 private:
  void take(const std::string& name) {
    if (!names_.insert(name).second) throw std::runtime_error(fmt::format("\"{}\" is offered twice", name));
  }

  Declarations types_;
  Map streams_, calls_, events_, messages_;
  std::map<std::string, std::vector<std::string>> gaps_;
  std::set<std::string> names_;
};

std::string codes() {
  std::string all;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code)
    all += "\n  | " + literal(name(static_cast<Code>(code)));
  return "/** Why something did not work: a closed list. */\nexport type Code =" + all + ";\n";
}
}  // namespace

std::string typescript(std::vector<Offer> offers) {
  std::sort(offers.begin(), offers.end(), [](const Offer& a, const Offer& b) { return a.plugin < b.plugin; });
  Document document;
  for (const auto& offer : offers) {
    for (const auto& one : offer.streams) document.add(offer.plugin, one);
    for (const auto& one : offer.calls) document.add(offer.plugin, one);
  }
  return fmt::format("{}{}{}{}{}", kHead, codes(), kProtocol, document.text(), kNative);
}

}  // namespace pillard::cli
