#pragma once
#include <string>
#include <vector>

#include "pillard/pillard.h"

namespace service_control {

/// [any] Whether the node refused a program for want of rights, which the program itself says. Needs LC_ALL=C.
bool refused_by_node(const pillard::Exit& exit);

/// Runs one program after the other as the user; from the first one on that the node refuses, by sudo. What is refused
/// has done nothing, so that trying it is safe, and root and who has rights by polkit need no sudo. [lane]
class Runner {
 public:
  explicit Runner(pillard::Node& node) : node_(node) {}

  /// Ends what ran before. `done` gets the Exit of the run that counts.
  void run(pillard::Command command, pillard::Function<void(const pillard::Exit&)> done);

  /// Whether the last Exit is a refusal, by sudo too.
  bool refused(const pillard::Exit& exit) const;
  /// The last command line as it was run, for people.
  std::string command_line() const;
  /// As the user again, whatever was refused before.
  void without_sudo() noexcept { with_sudo_ = false; }
  bool with_sudo() const noexcept { return with_sudo_; }

 private:
  void start();
  std::vector<std::string> argv() const;

  pillard::Node& node_;
  pillard::Command command_;
  pillard::Function<void(const pillard::Exit&)> done_;
  bool with_sudo_ = false;
  pillard::Handle running_;
};

}  // namespace service_control
