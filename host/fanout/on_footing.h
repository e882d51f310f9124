#pragma once
// What all that serve a Source or a Call have in common: its Scope, as far as the Footing answers it.
#include <cassert>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "fanout/footing.h"
#include "loader/guard.h"
#include "pillard/context.h"

namespace pillard::fanout {

/// `View` is Context, for a Source, or CallContext, for a Call. Who derives from this says what is done with what the
/// plugin publishes or replies, and takes the plugin's object down in its destructor: what goes then may still use
/// all of the View. Everything is [lane].
template <class View>
class OnFooting : public View {
  static_assert(std::is_same_v<View, Context> || std::is_same_v<View, CallContext>);

 protected:
  using Work = std::conditional_t<std::is_same_v<View, Context>, Source, Call>;

  OnFooting() = default;
  ~OnFooting() override { assert(!footing_ && "whoever derives from it takes it down"); }

  /// `make` returns the plugin's object; it runs as the plugin's code. `failed` as that of the Footing: it may come
  /// before this returns.
  template <class Make>
  void stand_up(reactor::Reactor& reactor, ssh::Lane& lane, loader::PluginRecord& plugin,
                Function<void(const Error&)> failed, Make&& make) {
    footing_ = std::make_unique<Footing>(reactor, lane, plugin, std::move(failed));
    footing_->enter([&] {
      auto work = make();
      work_ = std::move(work);
    });
  }

  /// Destroys the plugin's object, if there is one, and ends what it had under way. Not from inside its code.
  void take_down() {
    if (!footing_) return;
    footing_->close();
    loader::destroy(footing_->plugin(), work_);
    footing_->let_go();  // what callbacks captured may lead here: the Footing has to be there still
    footing_.reset();
  }

  Node& node() override { return *footing_; }
  Handle after(Milliseconds delay, Function<void()> fn) override { return footing_->after(delay, std::move(fn)); }
  std::int64_t unix_ms() const override { return footing_->unix_ms(); }
  void count(std::string_view metric, std::int64_t by) override { footing_->count(metric, by); }
  void log(Level level, std::string_view message) override { footing_->log(level, message); }
  Lane lane() override { return footing_->lane(); }
  void fail(Error error) override { footing_->fail(error); }

  std::unique_ptr<Footing> footing_;  // from stand_up() to take_down()
  std::unique_ptr<Work> work_;        // null while it is made, and when it could not be
};

}  // namespace pillard::fanout
