#include "unit/session/redis_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace pillard::session {

namespace {

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  ::close(socket);
  return ntohs(address.sin_port);
}

}  // namespace

std::string RedisServer::executable() {
  std::istringstream path(std::string(std::getenv("PATH") ? std::getenv("PATH") : "") + ":/usr/bin:/usr/sbin");
  for (std::string directory; std::getline(path, directory, ':');)
    if (const auto file = directory + "/redis-server"; ::access(file.c_str(), X_OK) == 0) return file;
  return {};
}

RedisServer::RedisServer() : port_(free_port()) {
  std::string name = (std::filesystem::temp_directory_path() / "pillard-redis-XXXXXX").native();
  if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary directory");
  directory_ = name;
}

RedisServer::~RedisServer() {
  kill();
  std::filesystem::remove_all(directory_);
}

void RedisServer::start(std::vector<std::string> options, bool until_ready) {
  std::vector<std::string> arguments{
      executable(), "--port", std::to_string(port_), "--bind", "127.0.0.1", "--dir",     directory_.native(),
      "--save",     "",       "--daemonize",         "no",     "--logfile", "redis.log", "--dbfilename",
      "dump.rdb"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const auto parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  if (!until_ready) return;
  ASSERT_TRUE(eventually([&] {
    RedisConnection probe(url(), {});
    const auto trouble = probe.open();
    return !trouble || trouble == RedisTrouble::kPassword;
  })) << "redis-server does not start";
}

void RedisServer::kill() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void RedisServer::freeze() const {
  ::kill(process_, SIGSTOP);
  ::waitpid(process_, nullptr, WUNTRACED);
}
void RedisServer::thaw() const { ::kill(process_, SIGCONT); }

RedisReply RedisServer::ask(RedisCommand command) const {
  RedisConnection connection(url(), {});
  RedisReplies replies;
  const std::vector<RedisCommand> commands{std::move(command)};
  if (connection.open() || connection.exchange(commands, replies)) throw std::runtime_error("redis-server is away");
  return replies.front();
}

RedisStore::Options RedisSide::options(const config::RedisUrl& server) {
  return {.link = {.server = server,
                   .connection = {.connect_timeout = 1s, .reply_timeout = 1s},
                   .beat = 40ms,
                   .retry_least = 10ms,
                   .retry_most = 80ms,
                   .retry_refused = 80ms},
          .retry_owed = 40ms};
}

RedisSide::RedisSide(const config::RedisUrl& server, const Change& change) {
  auto settings = options(server);
  settings.unix_ms = [this] { return unix_ms.load(); };
  if (change) change(settings);
  store = std::make_unique<RedisStore>(std::move(settings), log, metrics);
  store->start();
  reactors.start();
}

RedisSide::~RedisSide() {
  reactors.stop();
  if (store) store->stop();
  reactors.drain();
  watches.clear();
}

void RedisSide::settle(Function<void()> task) {
  std::promise<void> ran;
  home().post([&] {
    task();
    ran.set_value();
  });
  ran.get_future().wait();
}

template <class Ask>
Result<SessionPtr> RedisSide::wait(Ask&& call) {
  std::promise<Result<SessionPtr>> answered;
  call([&](Result<SessionPtr> result) {
    EXPECT_TRUE(home().on_lane());
    answered.set_value(std::move(result));
  });
  return answered.get_future().get();
}

Result<SessionPtr> RedisSide::create(const std::string& password) {
  return wait([&](auto done) {
    store->create(home(), {.host = "node.example", .port = 2222, .username = "ethnode", .password = Secret(password)},
                  std::move(done));
  });
}
Result<SessionPtr> RedisSide::find(const std::string& token) {
  return wait([&](auto done) { store->find(home(), token, std::move(done)); });
}
Result<SessionPtr> RedisSide::remove(const std::string& token) {
  return wait([&](auto done) { store->remove(home(), token, std::move(done)); });
}
void RedisSide::watch(const std::string& token) {
  settle([&] { watches.push_back(store->watch(home(), token, [this] { ++ended; })); });
}

double RedisSide::figure(const std::string& name) const {
  std::istringstream text(metrics.render());
  for (std::string line; std::getline(text, line);)
    if (line.starts_with(name + ' ')) return std::stod(line.substr(name.size() + 1));
  return -1;
}

std::string old_record(std::string_view host) {
  return R"({"host":")" + std::string(host) +
         R"(","username":"ethnode","password":"hunter2","port":22,"lastAccessed":1600000000000})";
}

}  // namespace pillard::session
