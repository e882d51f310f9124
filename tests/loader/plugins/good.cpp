// Does everything right: the others differ from it in one thing each.
#include "pillard/pillard.h"

namespace good::inner {

struct Params {
  std::string word = "hello";
  PILLARD_FIELDS(Params, PILLARD_FIELD(word))
};

class Echo final : public pillard::Source {
 public:
  Echo(pillard::Context& context, const Params& params) : context_(context), word_(params.word) {
    context_.count("echoes");
    context_.log(pillard::Level::kInfo, "echoing");
    if (word_ == "throw in constructor") throw std::runtime_error("private detail");
    if (word_ == "refuse") throw pillard::Error(pillard::Code::kNotFound, "There is no such word.");
    if (word_ == "throw an integer") throw 5;
    next_ = context_.after(pillard::Milliseconds{10}, [this] {
      if (word_ == "throw in callback") throw std::runtime_error("private detail");
      context_.publish(word_);
    });
  }

 private:
  pillard::Context& context_;
  std::string word_;
  pillard::Handle next_;
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
    registrar.call<Params, Ask>({.name = "ask_echo"});
  }
};

}  // namespace good::inner

PILLARD_PLUGIN(good::inner::Plugin, "good", "1.2.3")
