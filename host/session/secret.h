#pragma once
// A password in memory: it can't be printed by accident, and it does not outlive its holder.
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace pillard::session {

/// Text that no stream and no formatter takes. Its bytes live in one place on the heap, are never moved within memory
/// (a move hands over the pointer), and are wiped before they are freed. Only reveal() shows them.
class Secret {
 public:
  Secret() noexcept = default;
  /// Copies `text`; wiping the original stays with its owner (see take()).
  explicit Secret(std::string_view text);
  /// Copies `text`, then wipes it, its unused capacity included, and leaves it empty.
  static Secret take(std::string& text);
  Secret(const Secret& other) : Secret(other.reveal()) {}
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret other) noexcept;
  ~Secret() { wipe(); }

  /// The text itself, for as long as this object lives unchanged. Not zero-terminated.
  std::string_view reveal() const noexcept { return {bytes_.get(), size_}; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  /// Takes as long for equal texts as for different ones of the same length; only the length can be told from its time.
  friend bool operator==(const Secret& left, const Secret& right) noexcept;

  template <class Stream>
  friend Stream& operator<<(Stream&, const Secret&) = delete;

 private:
  void wipe() noexcept;

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

/// Overwrites all that `text` has ever held in its present buffer and leaves it empty.
void wipe(std::string& text) noexcept;

}  // namespace pillard::session
