#include <utility>

#include "pillard/sudo.h"

namespace pillard {

void SudoRunner::run(Command command, Function<void(const Exit&)> done) {
  command_ = std::move(command);
  done_ = std::move(done);
  start();
}

void SudoRunner::start() {
  Command command = command_;
  command.argv = with_c_locale(argv());
  running_ = node_.exec(std::move(command), [this](const Exit& exit) {
    if (!with_sudo_ && refused_by_node(exit)) {
      with_sudo_ = true;
      return start();
    }
    auto done = std::move(done_);  // may run the next one
    done(exit);
  });
}

bool SudoRunner::refused(const Exit& exit) const {
  return refused_by_node(exit) || (with_sudo_ && refused_by_sudo(exit));
}

std::string SudoRunner::command_line() const {
  std::string line;
  for (const auto& word : argv()) line.append(line.empty() ? "" : " ").append(word);
  return line;
}

std::vector<std::string> SudoRunner::argv() const {
  return with_sudo_ ? pillard::with_sudo(command_.argv) : command_.argv;
}

}  // namespace pillard
