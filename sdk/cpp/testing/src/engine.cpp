#include "engine.h"

#include <algorithm>

namespace pillard::testing::detail {

namespace {
constexpr int kMaxEvents = 100'000;  // of one advance(): more is work that never comes to rest

class JobHandle final : public Handle::Work {
 public:
  explicit JobHandle(std::shared_ptr<Job> job) : job_(std::move(job)) {}
  ~JobHandle() override { job_->active = false; }
  bool active() const noexcept override { return job_->active; }

 private:
  std::shared_ptr<Job> job_;
};
}  // namespace

void Breaches::add(std::string text) {
  const std::lock_guard lock(mutex_);
  list_.push_back(std::move(text));
}

std::vector<std::string> Breaches::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(list_, {});
}

Engine::Engine() = default;
Engine::~Engine() = default;

bool Engine::on_lane(std::string_view what) {
  if (std::this_thread::get_id() == lane) return true;
  breaches.add(std::string(what) + " was called from another thread; use Lane::post()");
  return false;
}

Handle Engine::handle(std::shared_ptr<Job> job) {
  std::erase_if(jobs, [](const auto& known) { return known.expired(); });
  jobs.push_back(job);
  return Handle(std::make_unique<JobHandle>(std::move(job)));
}

std::size_t Engine::live_handles() {
  return static_cast<std::size_t>(std::count_if(jobs.begin(), jobs.end(), [](const auto& known) {
    const auto job = known.lock();
    return job && job->active;
  }));
}

bool Engine::run_letters() {
  std::deque<Mailbox::Letter> letters;
  {
    const std::lock_guard lock(mailbox->mutex);
    letters.swap(mailbox->letters);
  }
  for (auto& letter : letters) {
    const auto owner = letter.to.lock();
    if (owner && owner->running()) owner->enter(std::move(letter.task));
  }
  return !letters.empty();
}

void Engine::advance(std::int64_t by) {
  const std::int64_t target = now + by;
  for (int count = 0; count < kMaxEvents; ++count) {
    if (run_letters()) continue;
    const auto first = events.begin();
    if (first == events.end() || first->first > target) {
      now = target;
      return;
    }
    now = std::max(now, first->first);
    auto run = std::move(events.extract(first).mapped());
    run();
  }
  breaches.add("the plugin never comes to rest: 100000 callbacks in one advance()");
  now = target;
}

void Engine::end_all(const std::optional<Error>& error) {
  const auto all = owners;  // an end may start nothing, but a test's hook might
  for (const auto& owner : all)
    if (owner->running()) owner->end(error);
}

void Owner::enter(Function<void()> code) {
  const auto self = shared_from_this();
  ++depth_;
  try {
    code();
  } catch (const Error& error) {
    end_with(error);
  } catch (const std::exception& error) {
    engine_.logs.push_back({Level::kError, name_ + ": an exception left the plugin: " + error.what()});
    end_with(Error(Code::kInternal, "The plugin failed."));
  } catch (...) {
    engine_.logs.push_back({Level::kError, name_ + ": an exception of an unknown type left the plugin"});
    end_with(Error(Code::kInternal, "The plugin failed."));
  }
  code = nullptr;  // what it captured goes while its owner is still there
  if (--depth_ == 0 && state_ == State::kEnding) end(std::move(error_));
}

void Owner::end_with(std::optional<Error> error) {
  if (state_ != State::kRunning) return;
  state_ = State::kEnding;
  error_ = std::move(error);
  if (depth_ == 0) end(std::move(error_));
}

void Owner::end(std::optional<Error> error) {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  destroy_object();
  check_handles();
  if (error) told(*error);
}

bool Owner::usable(std::string_view what) {
  if (!engine_.on_lane(name_ + ": " + std::string(what))) return false;
  if (state_ == State::kEnded) engine_.breaches.add(name_ + ": " + std::string(what) + " was called after the end");
  return state_ == State::kRunning;
}

void Owner::check_handles() {
  for (const auto& known : engine_.jobs) {
    const auto job = known.lock();
    if (!job || !job->active || job->owner.get() != this) continue;
    job->active = false;
    engine_.breaches.add(name_ + ": a Handle outlives its owner: " + job->what);
  }
}

}  // namespace pillard::testing::detail
