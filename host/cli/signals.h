#pragma once
// Ctrl-C for commands that run for a while and have something to keep.

namespace pillard::cli {

/// Keeps SIGINT and SIGTERM from ending the process while it lives. Made before the threads that should inherit that,
/// and used by the thread that made it.
class Signals {
 public:
  /// Throws std::system_error.
  Signals();
  Signals(const Signals&) = delete;
  ~Signals();

  /// Returns when done() was called, or one of the signals came. After that another one ends the process at once.
  void wait();
  /// [any]
  void done() noexcept;

 private:
  void release() noexcept;
  int signals_;
  int done_;
  bool held_ = true;
};

}  // namespace pillard::cli
