// For the node: `flood RATE` prints lines of 150 characters, each with its number and the time (CLOCK_REALTIME, ns), a
// RATE's share of them every 5 ms (of fewer than 200 a second one by one). `flood measure` reads such lines from its
// input for 4 s and prints how old they were when they came, as JSON in us. It is linked statically and runs on any
// machine of this kind.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {
constexpr long kSecond = 1'000'000'000;

long long now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<long long>(now.tv_sec) * kSecond + now.tv_nsec;
}

int measure() {
  std::vector<long long> ages;
  std::string text;
  const auto end = now_ns() + 4LL * kSecond;
  for (char piece[65536]; now_ns() < end;) {
    const auto got = read(STDIN_FILENO, piece, sizeof piece);
    if (got <= 0) break;
    const auto now = now_ns();
    text.append(piece, static_cast<std::size_t>(got));
    std::size_t from = 0;
    for (auto line = text.find('\n'); line != std::string::npos; from = line + 1, line = text.find('\n', from))
      if (const auto at = text.find(" t=", from); at < line)
        ages.push_back((now - std::atoll(text.c_str() + at + 3)) / 1000);
    text.erase(0, from);
  }
  if (ages.empty()) return 1;
  std::sort(ages.begin(), ages.end());
  std::printf("{\"lines\":%zu,\"p50\":%lld,\"p99\":%lld}\n", ages.size(), ages[ages.size() / 2],
              ages[ages.size() * 99 / 100]);
  return 0;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "measure") == 0) return measure();
  const long rate = argc == 2 ? std::atol(argv[1]) : 0;
  if (rate < 1) {
    std::fputs("usage: flood RATE | measure   (RATE: lines a second)\n", stderr);
    return 2;
  }
  const long per_tick = std::max(rate / 200, 1L);
  const long tick = rate < 200 ? kSecond / rate : 5'000'000;  // ns
  timespec due{};
  clock_gettime(CLOCK_MONOTONIC, &due);
  for (unsigned long long number = 0;;) {
    std::string text;
    for (long i = 0; i < per_tick; ++i) {
      char head[64];
      const auto size = std::snprintf(head, sizeof head, "seq=%012llu t=%019lld ", number++, now_ns());
      text.append(head, static_cast<std::size_t>(size)).append(150 - static_cast<std::size_t>(size), 'x') += '\n';
    }
    for (std::size_t done = 0; done < text.size();) {
      const auto written = write(STDOUT_FILENO, text.data() + done, text.size() - done);
      if (written <= 0) return 1;
      done += static_cast<std::size_t>(written);
    }
    due.tv_nsec += tick;
    if (due.tv_nsec >= kSecond) {
      ++due.tv_sec;
      due.tv_nsec -= kSecond;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr);
  }
}
