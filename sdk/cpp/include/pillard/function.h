#pragma once
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace pillard {

template <class Signature>
class Function;

/// A callable that is moved, never copied, so that it may own what it captures (handles, buffers, replies).
/// [any] One thread at a time. What has at most 48 bytes and moves without a throw is kept in place, the rest on the
/// heap. Calling an empty one is undefined; test with `if (fn)`.
template <class Result, class... Args>
class Function<Result(Args...)> {
 public:
  Function() noexcept = default;
  Function(std::nullptr_t) noexcept {}  // NOLINT: implicit as in std::function

  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Function> && std::is_invocable_r_v<Result, F&, Args...>)
      Function(F&& callable) {  // NOLINT: implicit as in std::function
    using Stored = std::decay_t<F>;
    if constexpr (kFits<Stored>) {
      ::new (static_cast<void*>(&space_)) Stored(std::forward<F>(callable));
      table_ = &kInPlace<Stored>;
    } else {
      ::new (static_cast<void*>(&space_)) Stored*(new Stored(std::forward<F>(callable)));
      table_ = &kOnHeap<Stored>;
    }
  }
  Function(Function&& other) noexcept { take(other); }
  Function& operator=(Function&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  Function& operator=(std::nullptr_t) noexcept {
    reset();
    return *this;
  }
  ~Function() { reset(); }

  explicit operator bool() const noexcept { return table_ != nullptr; }
  Result operator()(Args... args) { return table_->call(&space_, std::forward<Args>(args)...); }

 private:
  static constexpr std::size_t kSpace = 48;
  struct Table {
    Result (*call)(void*, Args&&...);
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void*) noexcept;
  };
  template <class S>
  static constexpr bool kFits = sizeof(S) <= kSpace &&  // NOLINT(misc-redundant-expression): not for every S
                                alignof(S) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<S>;
  template <class S>
  static constexpr Table kInPlace{
      [](void* at, Args&&... args) -> Result { return (*static_cast<S*>(at))(std::forward<Args>(args)...); },
      [](void* from, void* to) noexcept {
        ::new (to) S(std::move(*static_cast<S*>(from)));
        static_cast<S*>(from)->~S();
      },
      [](void* at) noexcept { static_cast<S*>(at)->~S(); }};
  template <class S>
  static constexpr Table kOnHeap{
      [](void* at, Args&&... args) -> Result { return (**static_cast<S**>(at))(std::forward<Args>(args)...); },
      [](void* from, void* to) noexcept { ::new (to) S*(*static_cast<S**>(from)); },
      [](void* at) noexcept { delete *static_cast<S**>(at); }};

  void take(Function& other) noexcept {
    if (other.table_) {
      other.table_->move(&other.space_, &space_);
      table_ = std::exchange(other.table_, nullptr);
    }
  }
  void reset() noexcept {
    if (table_) std::exchange(table_, nullptr)->destroy(&space_);
  }

  const Table* table_ = nullptr;
  alignas(std::max_align_t) std::byte space_[kSpace];
};

}  // namespace pillard
