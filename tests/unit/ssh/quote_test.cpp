// Real shells run what we quote: what counts is what arrives.
#include "ssh/quote.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pillard/problem.h"

namespace pillard::ssh {
namespace {

using Argv = std::vector<std::string>;
using namespace std::chrono_literals;

/// The login shells there are on this machine, by how each is started.
std::vector<std::string> login_shells() {
  std::vector<std::string> found;
  for (const auto* name : {"sh", "dash", "bash", "zsh", "fish", "tcsh", "csh"}) {
    for (const std::string directory : {"/bin/", "/usr/bin/", "/usr/local/bin/"}) {
      if (access((directory + name).c_str(), X_OK) == 0) {
        found.push_back(directory + name);
        break;
      }
    }
  }
  return found;
}

bool is_csh(const std::string& shell) { return shell.ends_with("csh"); }

/// What sshd does for an exec request: the user's shell, -c, the line; pipes around it.
class Shell {
 public:
  Shell(const std::string& shell, const std::string& line) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    for (auto* both : {&in, &out, &err}) EXPECT_EQ(pipe2(both->data(), O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      dup2(err[1], 2);
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);
      execl(shell.c_str(), shell.c_str(), "-c", line.c_str(), nullptr);
      _exit(125);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    in_ = in[1];
    out_ = out[0];
    err_ = err[0];
  }
  Shell(const Shell&) = delete;
  ~Shell() {
    close_input();
    close(out_);
    close(err_);
    if (!status_) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  void close_input() {
    if (in_ >= 0) close(in_);
    in_ = -1;
  }

  /// Everything printed until nobody holds standard output any more, or until `enough` of it.
  std::string output(std::size_t enough = std::string::npos) { return read_all(out_, enough); }
  std::string errors() { return read_all(err_, std::string::npos); }

  /// The shell's exit status; 128 + n after signal n; -1 if it still runs after `limit`.
  int wait(std::chrono::milliseconds limit = 10s) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!status_) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      } else if (!await_child(deadline)) {
        return -1;
      }
    }
    return *status_;
  }

  /// Whether every process that the shell left behind ends in time. This process adopts them.
  static bool leaves_nothing(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
      const auto pid = waitpid(-1, nullptr, WNOHANG);
      if (pid < 0) return errno == ECHILD;
      if (pid == 0 && !await_child(deadline)) return false;
    }
  }

 private:
  static bool await_child(std::chrono::steady_clock::time_point deadline) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= 0s) return false;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    const timespec limit{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    return sigtimedwait(&child, nullptr, &limit) == SIGCHLD;
  }

  static std::string read_all(int fd, std::size_t enough) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.size() < enough) {
      pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
      if (poll(&wanted, 1, 10'000) <= 0) {
        ADD_FAILURE() << "the pipe stays open";
        break;
      }
      const auto got = read(fd, buffer.data(), buffer.size());
      if (got <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::optional<int> status_;
};

class Quoting : public ::testing::TestWithParam<std::string> {};

class Tether : public ::testing::TestWithParam<std::string> {
 protected:
  // Orphans come to this process, so that it sees them end; SIGCHLD waits to be asked for.
  void SetUp() override {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &child, &before_);
  }
  void TearDown() override {
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t before_{};
};

std::string name_of(const ::testing::TestParamInfo<std::string>& info) {
  return info.param.substr(info.param.rfind('/') + 1);
}
INSTANTIATE_TEST_SUITE_P(Shells, Quoting, ::testing::ValuesIn(login_shells()), name_of);
INSTANTIATE_TEST_SUITE_P(Shells, Tether, ::testing::ValuesIn(login_shells()), name_of);

/// Arguments with what shells make something of.
Argv awkward() {
  return {"",         "'",        "\"",    "\\",      "\\\\", "\\n", "!", "a!b", "!!",    "!$",  "'!'",
          "$(id)",    "`id`",     "$HOME", "${PATH}", "~",    "*",   "?", "[a]", "{a,b}", "a b", " ",
          "\t",       "-n",       "--",    "-",       ";",    "&",   "|", ">x",  "<x",    "#c",  "=ls",
          "%s",       "\\'",      "a\\",   "'\\''",   "(",    ")",   "^", "&&",  "\r",    "A=b", "\xc3\xa4\xe2\x82\xac",
          "\xff\xfe", "$'\\x41'", "%",     "\\c",     "\\0"};
}

Argv printing(const Argv& arguments) {
  Argv argv{"printf", "%s\\0"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

std::string joined(const Argv& arguments) {
  std::string text;
  for (const auto& argument : arguments) text.append(argument).push_back('\0');
  return text;
}

std::string every_byte(bool with_newline) {
  std::string bytes;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '\n' || with_newline) bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

Code refusal_of(const Argv& argv) {
  try {
    const auto line = shell_line(argv);
    ADD_FAILURE() << "made " << line;
    return Code::kInternal;
  } catch (const Error& error) {
    return error.code();
  }
}

TEST(ShellLine, RefusesAnEmptyArgv) { EXPECT_EQ(refusal_of({}), Code::kBadRequest); }
TEST(ShellLine, RefusesAnEmptyName) { EXPECT_EQ(refusal_of({"", "a"}), Code::kBadRequest); }
TEST(ShellLine, RefusesANameThatLooksLikeAnOption) { EXPECT_EQ(refusal_of({"-c", "id"}), Code::kBadRequest); }
TEST(ShellLine, RefusesZeroBytes) { EXPECT_EQ(refusal_of({"ls", std::string("a\0b", 3)}), Code::kBadRequest); }
TEST(ShellLine, LeavesNothingUnquoted) { EXPECT_EQ(shell_line(Argv{"df", "a'b", ""}), "'df' 'a'\\''b' ''"); }

TEST_P(Quoting, CarriesAwkwardArgumentsUnchanged) {
  Shell shell(GetParam(), "env " + shell_line(printing(awkward())));
  shell.close_input();
  EXPECT_EQ(shell.output(), joined(awkward())) << shell.errors();
}

TEST_P(Quoting, CarriesEveryByteUnchanged) {
  Shell shell(GetParam(), "env " + shell_line(printing({every_byte(!is_csh(GetParam()))})));
  shell.close_input();
  EXPECT_EQ(shell.output(), joined({every_byte(!is_csh(GetParam()))})) << shell.errors();
}

TEST_P(Quoting, CarriesEachByteOnItsOwn) {
  Argv bytes;
  for (const char byte : every_byte(!is_csh(GetParam()))) bytes.emplace_back(1, byte);
  Shell shell(GetParam(), "env " + shell_line(printing(bytes)));
  shell.close_input();
  EXPECT_EQ(shell.output(), joined(bytes)) << shell.errors();
}

TEST_P(Tether, CarriesEveryByteUnchanged) {
  Argv arguments = awkward();
  arguments.push_back(every_byte(true));
  for (const char byte : every_byte(true)) arguments.emplace_back(1, byte);
  arguments.insert(arguments.end(), {"\n", "\n\n", "a\nb", "'\n'", "\\\n", "!\n", "tail\n"});
  Shell shell(GetParam(), tethered(shell_line(printing(arguments))));
  EXPECT_EQ(shell.output(), joined(arguments)) << shell.errors();
  EXPECT_EQ(shell.wait(), 0);
}

TEST_P(Tether, RunsTheProgramNotTheBuiltin) {
  // As a builtin this would end the shell with 7; there is no program of that name.
  Shell shell(GetParam(), tethered(shell_line(Argv{"exit", "7"})));
  EXPECT_EQ(shell.wait(), 127);
}

TEST_P(Tether, PassesTheExitStatus) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"sh", "-c", "exit 3"})));
  EXPECT_EQ(shell.wait(), 3);
}

TEST_P(Tether, PassesTheSignalThatEndedTheCommand) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"sh", "-c", "kill -KILL $$"})));
  EXPECT_EQ(shell.wait(), 128 + SIGKILL);
}

TEST_P(Tether, KeepsOutputAndErrorsApartAndFreeOfItsOwnNotices) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"sh", "-c", "echo out; echo err >&2; kill -TERM $$"})));
  EXPECT_EQ(shell.output(), "out\n");
  EXPECT_EQ(shell.errors(), "err\n");
}

TEST_P(Tether, SaysThatAProgramIsMissing) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"no-such-program"})));
  EXPECT_NE(shell.errors().find("no-such-program"), std::string::npos);
  EXPECT_EQ(shell.wait(), 127);
}

TEST_P(Tether, GivesTheCommandNoInput) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"cat"})));
  EXPECT_EQ(shell.output(), "");
  EXPECT_EQ(shell.wait(), 0);
}

TEST_P(Tether, LeavesNothingBehindWhileInputStaysOpen) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"true"})));
  EXPECT_EQ(shell.wait(), 0);
  EXPECT_TRUE(Shell::leaves_nothing(1s));
}

TEST_P(Tether, EndsASilentCommandWhenInputCloses) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"sh", "-c", "echo up; exec sleep 1000"})));
  ASSERT_EQ(shell.output(3), "up\n");
  shell.close_input();
  EXPECT_EQ(shell.wait(5s), 128 + SIGTERM);
  EXPECT_TRUE(Shell::leaves_nothing(1s));
}

TEST_P(Tether, EndsACommandWhoseInputNeverWasOpen) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"sleep", "1000"})));
  shell.close_input();
  EXPECT_EQ(shell.wait(5s), 128 + SIGTERM);
  EXPECT_TRUE(Shell::leaves_nothing(1s));
}

TEST_P(Tether, IgnoresWhatIsWrittenToIt) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"sh", "-c", "echo up; exec sleep 1000"})));
  ASSERT_EQ(shell.output(3), "up\n");
  EXPECT_EQ(shell.wait(50ms), -1);
  shell.close_input();
  EXPECT_EQ(shell.wait(5s), 128 + SIGTERM);
}

TEST_P(Tether, EndsWhatTheCommandHasForked) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"sh", "-c", "sleep 1000 & sleep 1000 & echo up; wait"})));
  ASSERT_EQ(shell.output(3), "up\n");
  shell.close_input();
  EXPECT_EQ(shell.wait(5s), 128 + SIGTERM);
  EXPECT_TRUE(Shell::leaves_nothing(1s));
}

TEST_P(Tether, EndsWhatACommandLeavesRunning) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"sh", "-c", "sleep 1000 & echo up"})));
  EXPECT_EQ(shell.output(), "up\n");  // to its end: nobody holds the pipe
  EXPECT_EQ(shell.wait(5s), 0);
  EXPECT_TRUE(Shell::leaves_nothing(1s));
}

TEST_P(Tether, KillsACommandThatIgnoresTheRequest) {
  Shell shell(GetParam(), tethered(shell_line(Argv{"sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"})));
  ASSERT_EQ(shell.output(3), "up\n");
  shell.close_input();
  EXPECT_EQ(shell.wait(8s), 128 + SIGKILL);
  EXPECT_TRUE(Shell::leaves_nothing(1s));
}

}  // namespace
}  // namespace pillard::ssh
