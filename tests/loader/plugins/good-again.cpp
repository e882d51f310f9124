// A later version of the plugin good: one stream as before but for another default, one call less, one more.
#include "pillard/pillard.h"

namespace good::again {

struct Params {
  std::string word = "hello again";
  bool loud = false;
  PILLARD_FIELDS(Params, PILLARD_FIELD(word), PILLARD_FIELD(loud))
};

class Echo final : public pillard::Source {
 public:
  Echo(pillard::Context& context, const Params& params) { context.publish("again: " + params.word); }
};

class Ask final : public pillard::Call {
 public:
  Ask(pillard::CallContext& context, const Params& params) { context.reply(params.word); }
};

class Plugin final : public pillard::Plugin {
 public:
  void setup(pillard::Registrar& registrar, const pillard::Config& config) override {
    config.integer("interval", 5, 1, 60);
    registrar.stream<Params, Echo>({.subscribe = "subscribe_echo", .unsubscribe = "unsubscribe_echo", .event = "echo"});
    registrar.call<Params, Ask>({.name = "ask_again"});
  }
};

}  // namespace good::again

PILLARD_PLUGIN(good::again::Plugin, "good", "2.0.0")
