// pillard: one daemon between web dashboards and the machines they watch.
#include <Poco/Util/HelpFormatter.h>
#include <Poco/Util/OptionException.h>
#include <Poco/Util/OptionSet.h>
#include <Poco/Util/ServerApplication.h>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "cli/check_plugin.h"
#include "cli/command.h"
#include "config.h"
#include "daemon.h"
#include "loader/last_words.h"
#include "session/seal.h"
#include "transport/tls.h"

namespace pillard {
namespace {

using Poco::Util::Option;
using Poco::Util::OptionCallback;

class Main final : public Poco::Util::ServerApplication {
 public:
  int run() override { return ServerApplication::run(); }

  /// The signals that a running daemon waits for. Blocked before any thread starts, so that all of them inherit it.
  static sigset_t awaited() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP}) sigaddset(&signals, signal);
    return signals;
  }

 protected:
  void defineOptions(Poco::Util::OptionSet& options) override {
    const auto flag = [&](const char* name, const char* description, bool& value) {
      options.addOption(Option(name, "", description).callback(OptionCallback<Main>(this, &Main::set_flag)));
      flags_[name] = &value;
    };
    flag("help", "show this", help_);
    flag("version", "show the version", version_);
    flag("check-config", "load the configuration and all plugins, name every mistake, and end", check_);
    options.addOption(Option("config", "c",
                             "the configuration (default: etc/pillard.ini here, else ../etc/pillard/pillard.ini from "
                             "the executable, else /etc/pillard/pillard.ini)")
                          .argument("FILE")
                          .callback(OptionCallback<Main>(this, &Main::set_config)));
    options.addOption(Option("set", "s", "override one value of the configuration")
                          .argument("SECTION.KEY=VALUE")
                          .repeatable(true)
                          .callback(OptionCallback<Main>(this, &Main::set_override)));
    options.addOption(Option("check-plugin", "",
                             "tell of one plugin what the loader would check, what it is asked for and what it is "
                             "configured with, and end; --config is then the plugin's own")
                          .argument("FILE")
                          .callback(OptionCallback<Main>(this, &Main::set_plugin)));
  }

  int main(const std::vector<std::string>& arguments) override {
    if (help_) return show_help();
    if (version_) {
      std::cout << "pillard " << sdk_version() << " (" << sdk_stamp() << ")\n";
      return EXIT_OK;
    }
    if (!arguments.empty()) {
      std::cerr << "pillard: \"" << arguments.front() << "\" is no option; see --help\n";
      return EXIT_USAGE;
    }
    if (!plugin_.empty()) return cli::check_plugin({.file = plugin_, .configuration = config_}, std::cout, std::cerr);
    sources_ = sources();
    const auto loaded = config::load_file(sources_);
    const auto& wanted = loaded.settings.log;
    const observe::LogOptions log_options{.level = wanted.level, .levels = wanted.levels, .json = wanted.json};
    observe::Log log(log_options);
    const loader::LastWords last_words(log);
    for (const auto& warning : loaded.warnings) log.warning("config", "configuration", {{"warning", warning}});
    if (check_) return check(loaded, log);
    if (!loaded.mistakes.empty()) {
      report(loaded.mistakes);
      return EXIT_CONFIG;
    }
    return serve(loaded.settings, log);
  }

 private:
  static constexpr unsigned kLongestEnd = 15;  // seconds

  /// From here on a second signal ends the process at once, and so does a plugin or a look-up that does not come back.
  static void end_by_force_after(unsigned seconds) {
    sigset_t ends;
    sigemptyset(&ends);
    for (const int signal : {SIGINT, SIGTERM, SIGQUIT}) sigaddset(&ends, signal);
    pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);
    ::alarm(seconds);
  }

  void set_flag(const std::string& name, const std::string&) {
    *flags_.at(name) = true;
    if (name != "check-config") stopOptionsProcessing();
  }
  void set_config(const std::string&, const std::string& value) { config_ = value; }
  void set_override(const std::string&, const std::string& value) { sets_.push_back(value); }
  void set_plugin(const std::string&, const std::string& value) { plugin_ = value; }

  int show_help() const {
    Poco::Util::HelpFormatter formatter(options());
    formatter.setUnixStyle(true);
    formatter.setAutoIndent();
    formatter.setCommand("pillard");
    formatter.setUsage(
        "[--config FILE] [--set SECTION.KEY=VALUE]... [--check-config]\n"
        "       pillard --check-plugin FILE.so [--config FILE]\n"
        "       pillard COMMAND");
    formatter.setHeader("Streams the state and logs of machines that are reached over SSH to web dashboards.");
    formatter.setFooter(cli::kCommandHelp);
    formatter.format(std::cout);
    return EXIT_OK;
  }

  config::Sources sources() const {
    const auto executable = std::filesystem::read_symlink("/proc/self/exe");
    std::filesystem::path file = config_;
    const auto take_if_there = [&file](const std::filesystem::path& standard) {
      if (file.empty() && std::filesystem::exists(standard)) file = standard;
    };
    take_if_there("etc/pillard.ini");
    take_if_there(executable.parent_path() / "../etc/pillard/pillard.ini");
    if (file.empty()) file = "/etc/pillard/pillard.ini";
    return {.file = std::filesystem::absolute(file).lexically_normal(),
            .text = {},
            .executable = executable,
            .environment = config::environment(),
            .sets = sets_};
  }

  static void report(const std::vector<Mistake>& mistakes) {
    for (const auto& mistake : mistakes) std::cerr << mistake.text() << '\n';
  }

  void wait_for_the_end(Daemon& daemon) const {
    const auto signals = awaited();
    int signal = 0;
    while (sigwait(&signals, &signal) != 0 || signal == SIGHUP)
      if (signal == SIGHUP) daemon.reload(config::load_file(sources_));
  }

  int check(const config::Loaded& loaded, observe::Log& log) const {
    report(loaded.mistakes);
    observe::Metrics metrics;
    const loader::Plugins plugins({.directory = loaded.settings.plugins.directory,
                                   .configuration = loaded.settings.plugins.configuration,
                                   .enabled = loaded.settings.plugins.enabled},
                                  loader::Services{.log = log, .metrics = metrics});
    auto wrong = loaded.mistakes.size() + plugins.mistakes().size();
    if (const auto& seal_key = loaded.settings.session.seal_key; !seal_key.empty())
      if (const auto sealer = session::Sealer::from_file(seal_key); !sealer) {
        report({{loaded.settings.file.string(), 0, "session.seal_key", sealer.error().what()}});
        ++wrong;
      }
    if (const auto& tls = loaded.settings.tls; tls.on()) {
      const auto identity = transport::read_identity(tls);
      if (const auto* mistake = std::get_if<transport::TlsMistake>(&identity)) {
        report({{loaded.settings.file.string(), 0, mistake->key, mistake->message}});
        ++wrong;
      } else {
        for (const auto& warning : std::get<transport::TlsIdentity>(identity).warnings)
          log.warning("config", "certificate", {{"warning", warning}});
      }
    }
    for (const auto& error : plugins.errors()) {
      if (error.step() == "configuration") continue;  // its mistakes say more
      std::cerr << error.what() << '\n';
      ++wrong;
    }
    report(plugins.mistakes());
    if (wrong > 0) {
      std::cerr << wrong << (wrong == 1 ? " mistake\n" : " mistakes\n");
      return EXIT_CONFIG;
    }
    std::cout << loaded.settings.file.string() << ": no mistakes; " << plugins.records().size() << " plugins\n";
    return EXIT_OK;
  }

  int serve(const config::Settings& settings, observe::Log& log) {
    try {
      Daemon daemon(settings, log);
      daemon.start();
      for (const auto& endpoint : daemon.listening())
        log.info("transport", "listening", {{"address", endpoint.text()}});
      log.info("daemon", "ready", {{"version", sdk_version()}});
      wait_for_the_end(daemon);
      log.info("daemon", "ending", {});
      end_by_force_after(kLongestEnd);
      return EXIT_OK;
    } catch (const std::exception& error) {
      std::cerr << "pillard: " << error.what() << '\n';
      return EXIT_SOFTWARE;
    }
  }

  bool help_ = false;
  bool version_ = false;
  bool check_ = false;
  std::map<std::string, bool*> flags_;
  std::string config_;
  config::Sources sources_;  // of the configuration that is in use
  std::vector<std::string> sets_;
  std::string plugin_;
};

}  // namespace
}  // namespace pillard

int main(int argc, char** argv) {
  if (const auto status = pillard::cli::run_command({argv + 1, argv + argc})) return *status;
  const auto signals = pillard::Main::awaited();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  pillard::Main application;
  try {
    application.init(argc, argv);
  } catch (const Poco::Exception& error) {
    std::cerr << "pillard: " << error.displayText() << "; see --help\n";
    return Poco::Util::Application::EXIT_USAGE;
  }
  return application.run();
}
