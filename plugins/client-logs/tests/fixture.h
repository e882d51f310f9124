#pragma once
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "client_logs.h"
#include "pillard/testing/fake_host.h"
#include "pillard/testing/plugin.h"

namespace client_logs {

using pillard::testing::new_plugin;
using pillard::testing::read_file;

using pillard::Code;
using pillard::testing::Argv;
using pillard::testing::FakeHost;
using pillard::testing::FakeProcess;
using pillard::testing::FakeStream;
using namespace std::chrono_literals;

inline std::string cursor(int number, const std::string& boot = "b1") {
  return "s=0;i=" + std::to_string(number) + ";b=" + boot + ";m=1;t=1;x=1";
}

inline std::string entry(int number, const std::string& message, const std::string& more = "",
                         const std::string& boot = "b1") {
  return "__CURSOR=" + cursor(number, boot) + "\n__REALTIME_TIMESTAMP=" + std::to_string(number) +
         "000000\nPRIORITY=6\n" + more + "MESSAGE=" + message + "\n\n";
}

inline std::string part(int number, const std::string& message) {
  return entry(number, message, "_LINE_BREAK=line-max\n_STREAM_ID=s\n");
}
inline std::string last_part(int number, const std::string& message) {
  return entry(number, message, "_STREAM_ID=s\n");
}

class LogFixture : public testing::Test {
 protected:
  LogFixture() {
    state("LoadState=loaded\nActiveState=active\n");
    readable(true);
  }
  void state(const std::string& out, int status = 0) {
    host.node().on_prefix({"env", "LC_ALL=C", "systemctl", "show"}, {.out = out, .status = status});
  }
  void readable(bool yes) {
    host.node().on_prefix({"env", "LC_ALL=C", "find"},
                          {.out = yes ? "/var/log/journal/0/system.journal\n" : "", .status = yes ? 0 : 1});
  }
  FakeStream& subscribe(std::string_view params = R"({"service":"execution"})", std::string_view ini = "") {
    host.load(new_plugin(), ini);
    auto& stream = host.subscribe("subscribe_logs", params);
    host.advance();
    return stream;
  }
  /// The subscription, its history read and the follower started.
  FakeStream& following(const std::string& history = entry(1, "one")) {
    auto& stream = subscribe();
    host.last_process().out(history);
    host.last_process().exit();
    host.advance();
    return stream;
  }
  static std::vector<std::string> lines(const FakeStream& stream) {
    std::vector<std::string> texts;
    for (const auto& event : stream.events()) {
      pillard::json::Reader reader(event);
      reader.enter_object();
      while (const auto key = reader.next_key()) {
        if (*key == "line") {
          texts.push_back(reader.read_string());
        } else {
          reader.read_raw();
        }
      }
    }
    return texts;
  }
  static Code refusal(FakeHost& host, std::string_view params, std::string* words = nullptr) {
    try {
      host.subscribe("subscribe_logs", params);
    } catch (const pillard::Error& error) {
      if (words != nullptr) *words = error.what();
      return error.code();
    }
    ADD_FAILURE() << "accepted " << params;
    return Code::kInternal;
  }
  FakeHost host;
};

}  // namespace client_logs
