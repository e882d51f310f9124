#pragma once
// How many connections one client may have.
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "wire/address.h"

namespace pillard::transport {

/// [any] Counts by wire::Address::group().
class AddressLimit {
 public:
  explicit AddressLimit(std::size_t most) : most_(most) {}
  AddressLimit(const AddressLimit&) = delete;

  /// One place among those of an address, for as long as it lives; it may be empty. Goes before its AddressLimit.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : limit_(std::exchange(other.limit_, nullptr)), group_(std::move(other.group_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(limit_, other.limit_);
      std::swap(group_, other.group_);
      return *this;
    }
    ~Place() { leave(); }
    void leave() noexcept {
      if (auto* const limit = std::exchange(limit_, nullptr)) limit->give_back(group_);
    }
    /// Whether it is one of this address.
    bool of(const wire::Address& address) const { return limit_ != nullptr && group_ == address.group(); }

   private:
    friend class AddressLimit;
    Place(AddressLimit& limit, std::string group) : limit_(&limit), group_(std::move(group)) {}
    AddressLimit* limit_ = nullptr;
    std::string group_;
  };

  /// Empty optional: all places of this address are taken.
  std::optional<Place> take(const wire::Address& address) {
    auto group = address.group();
    const std::lock_guard lock(mutex_);
    auto& count = taken_[group];
    if (count >= most_) return std::nullopt;
    ++count;
    return Place(*this, std::move(group));
  }
  /// Addresses that have any.
  std::size_t addresses() const {
    const std::lock_guard lock(mutex_);
    return taken_.size();
  }

 private:
  void give_back(const std::string& group) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = taken_.find(group);
    if (--found->second == 0) taken_.erase(found);
  }

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> taken_;  // never 0; guarded by mutex_
};

}  // namespace pillard::transport
