#pragma once
#include <memory>
#include <utility>

#include "pillard/export.h"

namespace pillard {

/// Work that the host does for its holder: a command, a timer. Cancelled or destroyed, its callbacks never run again
/// and what it started on the node is ended. Move-only; [lane].
class PILLARD_API Handle {
 public:
  /// What the host keeps behind a Handle; its destructor cancels.
  class PILLARD_API Work {
   public:
    Work() = default;
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    virtual ~Work();
    /// Whether a callback may still come.
    virtual bool active() const noexcept = 0;
  };

  Handle() = default;
  explicit Handle(std::unique_ptr<Work> work) : work_(std::move(work)) {}
  /// As when it is destroyed. No effect on an empty one.
  void cancel() noexcept { work_.reset(); }
  /// Whether a callback may still come; false for an empty one.
  bool active() const noexcept { return work_ && work_->active(); }

 private:
  std::unique_ptr<Work> work_;
};

}  // namespace pillard
