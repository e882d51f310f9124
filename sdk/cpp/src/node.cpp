#include "pillard/node.h"

#include <algorithm>
#include <memory>

namespace pillard {

namespace {
/// Cuts a stream of bytes into lines. Shared by the Handle and the callbacks of bytes(), for any callback may destroy
/// the Handle, and with it those callbacks, while it runs.
struct Lines {
  Lines(Function<void(std::string_view)> on_line, Function<void(Exit)> on_done, std::size_t max)
      : line(std::move(on_line)), done(std::move(on_done)), max_line(max) {}

  Function<void(std::string_view)> line;
  Function<void(Exit)> done;
  std::size_t max_line;
  std::string begun;  // of a line whose end has not come
  bool cancelled = false;

  void hand_over_begun() {
    // The view must not outlive the call, but the callback may not see it change either.
    const std::string whole = std::exchange(begun, {});
    line(whole);
  }

  /// A part of a line, without its end. Leaves less than a piece, or exactly one, in `begun`.
  void add(std::string_view part) {
    while (!cancelled && begun.size() + part.size() > max_line) {
      const std::size_t fits = max_line - begun.size();
      if (begun.empty()) {
        line(part.substr(0, fits));
      } else {
        begun.append(part, 0, fits);
        hand_over_begun();
      }
      part.remove_prefix(fits);
    }
    if (!cancelled) begun += part;
  }

  void feed(std::string_view data) {
    while (!cancelled && !data.empty()) {
      const std::size_t end = data.find('\n');
      if (end == std::string_view::npos) return add(data);
      const std::string_view part = data.substr(0, end);
      data.remove_prefix(end + 1);
      if (begun.empty() && part.size() <= max_line) {
        line(part);
        continue;
      }
      add(part);
      if (!cancelled) hand_over_begun();
    }
  }

  void finish(Exit exit) {
    if (!begun.empty()) hand_over_begun();
    if (!cancelled) done(std::move(exit));
  }
};

class LinesWork final : public Handle::Work {
 public:
  LinesWork(Handle bytes, std::shared_ptr<Lines> lines) : bytes_(std::move(bytes)), lines_(std::move(lines)) {}
  ~LinesWork() override { lines_->cancelled = true; }
  bool active() const noexcept override { return bytes_.active(); }

 private:
  Handle bytes_;
  std::shared_ptr<Lines> lines_;
};
}  // namespace

Handle Node::lines(Command command, Function<void(std::string_view)> line, Function<void(Exit)> done,
                   std::size_t max_line) {
  const auto lines = std::make_shared<Lines>(std::move(line), std::move(done), std::max<std::size_t>(max_line, 1));
  // Each call holds the state: the callback itself may be destroyed by what it calls.
  Handle handle = bytes(
      std::move(command),
      [lines](std::string_view data) {
        const auto held = lines;  // NOLINT(performance-unnecessary-copy-initialization): see above
        held->feed(data);
      },
      [lines](Exit exit) {
        const auto held = lines;  // NOLINT(performance-unnecessary-copy-initialization): see above
        held->finish(std::move(exit));
      });
  return Handle(std::make_unique<LinesWork>(std::move(handle), lines));
}

}  // namespace pillard
