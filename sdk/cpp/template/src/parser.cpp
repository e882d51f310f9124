#include "parser.h"

#include <charconv>

namespace my_monitor {

namespace {

/// Takes a number that is not negative and what must stand behind it off the front of `text`.
template <class Number>
bool take(std::string_view& text, Number& number, char behind) {
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc{} || end == last || *end != behind) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return number >= Number{0} && number <= Number{1'000'000'000};  // no NaN, no infinity either
}

}  // namespace

std::optional<Load> parse_load(std::string_view text) {
  Load load;
  std::int64_t running = 0;
  if (take(text, load.one, ' ') && take(text, load.five, ' ') && take(text, load.fifteen, ' ') &&
      take(text, running, '/') && take(text, load.tasks, ' '))
    return load;
  return std::nullopt;
}

}  // namespace my_monitor
