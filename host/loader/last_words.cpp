#include "loader/last_words.h"

#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <string>

#include "loader/guard.h"

namespace pillard::loader {
namespace {

// A terminate handler is a plain function: what it needs must be found from anywhere.
std::atomic<observe::Log*> last_log{nullptr};

std::string thrown() {
  const auto exception = std::current_exception();
  if (!exception) return "no exception: std::terminate was called";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception of an unknown type";
  }
}

[[noreturn]] void say_and_end() noexcept {
  char thread[16] = "";
  pthread_getname_np(pthread_self(), thread, sizeof thread);
  const auto* plugin = running_here().load(std::memory_order_relaxed);
  if (auto* log = last_log.load())
    log->error("daemon", "an exception ends this process; nothing can catch it where it was thrown",
               {{"plugin", plugin ? plugin->name() : std::string("-")}, {"thread", thread}, {"what", thrown()}});
  std::abort();
}

}  // namespace

LastWords::LastWords(observe::Log& log) noexcept {
  last_log = &log;
  std::set_terminate(say_and_end);
}
LastWords::~LastWords() { last_log = nullptr; }

}  // namespace pillard::loader
