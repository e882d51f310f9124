#include "rights.h"

#include <string_view>
#include <utility>

namespace service_control {

using pillard::Exit;

bool refused_by_node(const Exit& exit) {
  if (exit.ok()) return false;
  for (const std::string_view words :
       {"Access denied", "Interactive authentication required", "Permission denied", "Operation not permitted"})
    if (exit.err.find(words) != std::string::npos) return true;
  return false;
}

void Runner::run(pillard::Command command, pillard::Function<void(const Exit&)> done) {
  command_ = std::move(command);
  done_ = std::move(done);
  start();
}

void Runner::start() {
  pillard::Command command = command_;
  command.argv = argv();
  command.argv.insert(command.argv.begin(), {"env", "LC_ALL=C"});
  running_ = node_.exec(std::move(command), [this](const Exit& exit) {
    if (!with_sudo_ && refused_by_node(exit)) {
      with_sudo_ = true;
      return start();
    }
    auto done = std::move(done_);  // may run the next one
    done(exit);
  });
}

bool Runner::refused(const Exit& exit) const {
  return refused_by_node(exit) || (with_sudo_ && pillard::refused_by_sudo(exit));
}

std::string Runner::command_line() const {
  std::string line;
  for (const auto& word : argv()) line += (line.empty() ? "" : " ") + word;
  return line;
}

std::vector<std::string> Runner::argv() const { return with_sudo_ ? pillard::with_sudo(command_.argv) : command_.argv; }

}  // namespace service_control
