#include "pillard/testing/fake_host.h"

#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "engine.h"

namespace pillard::testing {

namespace {
void print_and_abort(const std::string& text) {
  std::fprintf(stderr, "FakeHost: %s\n", text.c_str());
  std::abort();
}

void (*report_to)(const std::string&) = print_and_abort;

/// Takes what setup() offers. Refuses taken names as the host does.
class FakeRegistrar final : public Registrar {
 public:
  explicit FakeRegistrar(detail::Engine& engine) : engine_(engine) {}
  void add(std::unique_ptr<StreamType> type) override {
    const auto options = type->options();
    for (const auto& name : {options.subscribe, options.unsubscribe, options.event}) take(name);
    engine_.streams[options.subscribe] = std::move(type);
  }
  void add(std::unique_ptr<CallType> type) override {
    take(type->options().name);
    const std::string name = type->options().name;
    engine_.calls[name] = std::move(type);
  }

 private:
  void take(const std::string& name) {
    if (!names_.insert(name).second) throw std::invalid_argument("the name \"" + name + "\" is taken");
  }
  detail::Engine& engine_;
  std::set<std::string> names_;
};

template <class Types>
const auto& type_of(const Types& types, const std::string& name) {
  const auto found = types.find(name);
  if (found == types.end()) throw std::invalid_argument("the plugin offers no \"" + name + "\"");
  return *found->second;
}
}  // namespace

bool report_failures_to(void (*sink)(const std::string& text)) noexcept {
  report_to = sink;
  return true;
}

FakeHost::FakeHost() : engine_(std::make_unique<detail::Engine>()) {}
FakeHost::~FakeHost() { finish(); }

void FakeHost::load(Plugin& plugin, std::string_view ini, const std::string& file) {
  engine_->config = Config(file, ini);
  FakeRegistrar registrar(*engine_);
  plugin.setup(registrar, engine_->config);
}

void FakeHost::load(std::unique_ptr<Plugin> plugin, std::string_view ini, const std::string& file) {
  engine_->plugin = std::move(plugin);
  load(*engine_->plugin, ini, file);
}

std::vector<Mistake> FakeHost::mistakes() const { return engine_->config.mistakes(); }

FakeStream& FakeHost::subscribe(const std::string& type, std::string_view params) {
  const StreamType& found = type_of(engine_->streams, type);
  return engine_->fake_streams.emplace_back(*engine_, found, found.decode(params));
}

FakeCall& FakeHost::call(const std::string& name, std::string_view params) {
  return engine_->fake_calls.emplace_back(*engine_, type_of(engine_->calls, name), params);
}

FakeNode& FakeHost::node() { return engine_->node; }
FakeProcess& FakeHost::process(std::size_t n) { return engine_->processes.at(n); }
FakeProcess& FakeHost::last_process() { return engine_->processes.at(engine_->processes.size() - 1); }
std::size_t FakeHost::processes() const { return engine_->processes.size(); }
void FakeHost::lose_node() { engine_->end_all(Error(Code::kDisconnected, "The node is away.")); }

void FakeHost::advance(Milliseconds by) { engine_->advance(by.count()); }
std::int64_t FakeHost::unix_ms() const { return engine_->unix_offset + engine_->now; }
void FakeHost::set_unix_ms(std::int64_t now) { engine_->unix_offset = now - engine_->now; }

const std::vector<Argv>& FakeHost::commands() const { return engine_->commands; }
std::size_t FakeHost::live_handles() const { return engine_->live_handles(); }
const std::map<std::string, std::int64_t>& FakeHost::counters() const { return engine_->counters; }
const std::vector<LogLine>& FakeHost::logs() const { return engine_->logs; }
const std::vector<AuditLine>& FakeHost::audits() const { return engine_->audits; }

void FakeHost::finish() {
  engine_->end_all(std::nullopt);
  for (const auto& text : engine_->breaches.take()) report_to(text);
}

std::vector<std::string> FakeHost::take_failures() { return engine_->breaches.take(); }

}  // namespace pillard::testing
