#include "rig.h"

#include <cstdlib>
#include <future>
#include <thread>

namespace pillard::test {

void Bell::ring(const std::function<void()>& change) {
  const std::lock_guard lock(mutex_);
  change();
  rung_.notify_all();
}

bool Bell::wait(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return rung_.wait_for(lock, limit, condition);
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

Scratch::Scratch() {
  auto pattern = (std::filesystem::temp_directory_path() / "pillard-ssh-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}
Scratch::~Scratch() { std::filesystem::remove_all(path_); }

Rig::Rig(RigOptions options)
    : reactors_(options.reactors),
      host_keys_({.file = options.known_hosts}),
      workers_(std::in_place, reactor::Workers::Options{.name = "test-ssh"}),
      resolver_(*workers_, std::move(ssh::Egress::parse({.allow = options.allow, .deny = {}})).value()),
      pool_(std::in_place, reactors_, *workers_, resolver_, host_keys_, options.ssh) {
  reactors_.start();
}

Rig::~Rig() { stop(); }

void Rig::stop() {
  reactors_.stop();
  pool_.reset();
  workers_.reset();
}

reactor::Reactor& Rig::reactor_of(const session::Credential& credential) {
  return pool_->reactor_of(session::lane_key(credential));
}

void Rig::on_lane(const session::Credential& credential, const std::function<void(ssh::Lane&)>& work) {
  // Not the exception itself: libstdc++ counts its owners where ThreadSanitizer does not look.
  std::promise<std::pair<Code, std::string>> done;
  reactor_of(credential).post([&] {
    try {
      work(pool_->lane(credential));
      done.set_value({});
    } catch (const Error& error) {
      done.set_value({error.code(), error.what()});
    }
  });
  const auto [code, text] = done.get_future().get();
  if (!text.empty()) throw Error(code, text);
}

void Rig::release(const session::Credential& credential) {
  std::promise<void> done;
  reactor_of(credential).post([&] {
    pool_->release(session::lane_key(credential));
    done.set_value();
  });
  done.get_future().get();
}

std::optional<Error> Rig::verify(const session::Credential& credential) {
  // An Error's text is shared between copies; each thread gets its own.
  std::promise<std::pair<Code, std::string>> answer;
  pool_->verify(credential, reactor_of(credential), [&](const std::optional<Error>& error) {
    answer.set_value(error ? std::pair(error->code(), std::string(error->what())) : std::pair(Code{}, std::string()));
  });
  const auto [code, text] = answer.get_future().get();
  return text.empty() ? std::nullopt : std::optional(Error(code, text));
}

Client::Client(Rig& rig, session::Credential credential) : rig_(rig), credential_(std::move(credential)) {
  on_lane([this](ssh::Lane& lane) { use_ = lane.use(*this); });
}

Client::~Client() { leave(); }

void Client::leave() {
  on_lane([this](ssh::Lane&) { use_.reset(); });
}

void Client::lane_up() {
  bell_.ring([this] { ++ups_; });
}
void Client::lane_down(const Error& error) {
  bell_.ring([&] { downs_.emplace_back(error.code(), std::string(error.what())); });
}

bool Client::wait_up(int times, std::chrono::milliseconds limit) {
  return bell_.wait([&] { return ups_ >= times; }, limit);
}

std::optional<Error> Client::wait_down(int times, std::chrono::milliseconds limit) {
  const auto wanted = static_cast<std::size_t>(times);
  std::optional<Error> error;
  bell_.wait(
      [&] {
        if (downs_.size() >= wanted) error = downs_[wanted - 1];
        return error.has_value();
      },
      limit);
  return error;
}

int Client::ups() {
  int count = 0;
  bell_.ring([&] { count = ups_; });
  return count;
}

int Client::downs() {
  std::size_t count = 0;
  bell_.ring([&] { count = downs_.size(); });
  return static_cast<int>(count);
}

Exit Client::exec(std::vector<std::string> argv, Command options) {
  Stream stream;
  start_exec(stream, std::move(argv), std::move(options));
  wait([&] { return stream.exit.has_value(); }, 30s);
  cancel(stream);
  return stream.exit.value_or(Exit{-1, "", "", "the test gave up waiting"});
}

void Client::start_exec(Stream& stream, std::vector<std::string> argv, Command options) {
  options.argv = std::move(argv);
  on_lane([&](ssh::Lane& lane) {
    stream.operation = lane.exec(options, [&](Exit exit) { bell_.ring([&] { stream.exit = std::move(exit); }); });
  });
}

void Client::start(Stream& stream, std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  on_lane([&](ssh::Lane& lane) {
    stream.operation = lane.stream(
        command,
        [&](std::string_view data) {
          bell_.ring([&] {
            stream.bytes += data.size();
            if (stream.head.size() < 256) stream.head.append(data.substr(0, 256 - stream.head.size()));
          });
        },
        [&](Exit exit) { bell_.ring([&] { stream.exit = std::move(exit); }); });
  });
}

void Client::cancel(Stream& stream) {
  on_lane([&](ssh::Lane&) { stream.operation.reset(); });
}

}  // namespace pillard::test
