#include "observe/metrics.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace pillard::observe {
namespace {

bool is_counter(std::string_view name) { return name.ends_with("_total"); }

bool valid_name(std::string_view name) {
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || (c == '"' && quotes)) out += '\\';
      out += c;
    }
  }
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

void append_sample(std::string& out, std::string_view name, const Labels& labels, std::string_view value) {
  out += name;
  char separator = '{';
  for (const auto& [label, text] : labels) {
    out += std::exchange(separator, ',');
    out += label;
    out += "=\"";
    append_escaped(out, text, true);
    out += '"';
  }
  if (!labels.empty()) out += '}';
  out += ' ';
  out += value;
  out += '\n';
}

/// Sets of labels beyond the limit are counted together.
Labels bounded(const Labels& labels, std::size_t series, bool known) {
  if (known || labels.empty() || series < Metrics::kMaxSeries) return labels;
  Labels other = labels;
  for (auto& [label, text] : other) text = "other";
  return other;
}

void append_histogram(std::string& out, const std::string& name, Labels labels, const std::vector<double>& bounds,
                      const HistogramReading& reading) {
  const Labels plain = labels;
  labels.emplace_back("le", "");
  std::uint64_t below = 0;
  for (std::size_t i = 0; i <= bounds.size(); ++i) {
    below += i < reading.counts.size() ? reading.counts[i] : 0;
    labels.back().second = i < bounds.size() ? number(bounds[i]) : "+Inf";
    append_sample(out, name + "_bucket", labels, std::to_string(below));
  }
  append_sample(out, name + "_sum", plain, number(static_cast<double>(reading.sum.count()) / 1e9));
  append_sample(out, name + "_count", plain, std::to_string(below));
}

std::string shown(const Counter& counter) { return std::to_string(counter.value()); }
std::string shown(const Gauge& gauge) { return std::to_string(gauge.value()); }
std::string shown(const TimeCounter& time) { return number(static_cast<double>(time.value().count()) / 1e9); }

}  // namespace

/// What stands under one name with one set of labels.
class Metrics::Series {
 public:
  Series() = default;
  Series(const Series&) = delete;
  virtual ~Series() = default;
  virtual void append(std::string& out, const std::string& name, const Labels& labels) = 0;
  std::uint64_t hook = 0;  // 0: stays
};

namespace {
/// One that its stage counts.
template <class T, class Base>
class Held final : public Base {
 public:
  template <class... Args>
  explicit Held(Args&&... args) : value(std::forward<Args>(args)...) {}
  void append(std::string& out, const std::string& name, const Labels& labels) override {
    if constexpr (std::is_same_v<T, Histogram>) {
      append_histogram(out, name, labels, value.bounds(), value.read());
    } else {
      append_sample(out, name, labels, shown(value));
    }
  }
  T value;
};

template <class Base>
class CollectedNumber final : public Base {
 public:
  explicit CollectedNumber(Function<double()> read) : read_(std::move(read)) {}
  void append(std::string& out, const std::string& name, const Labels& labels) override {
    double value = NAN;
    try {
      value = read_();
    } catch (const std::exception&) {
      value = NAN;  // one reading that fails must not hide all others
    }
    append_sample(out, name, labels, number(value));
  }

 private:
  Function<double()> read_;
};

template <class Base>
class CollectedHistogram final : public Base {
 public:
  CollectedHistogram(std::vector<double> bounds, Function<HistogramReading()> read)
      : bounds_(std::move(bounds)), read_(std::move(read)) {}
  void append(std::string& out, const std::string& name, const Labels& labels) override {
    try {
      append_histogram(out, name, labels, bounds_, read_());
    } catch (const std::exception&) {
      return;  // the others are shown
    }
  }

 private:
  const std::vector<double> bounds_;
  Function<HistogramReading()> read_;
};
}  // namespace

struct Metrics::Family {
  Kind kind;
  std::string help;
  std::vector<std::string> label_names;
  std::map<Labels, std::unique_ptr<Series>> series;

  std::string_view type() const {
    switch (kind) {
      case Kind::kCounter:
      case Kind::kTime:
      case Kind::kCollectedCounter: return "counter";
      case Kind::kHistogram:
      case Kind::kCollectedHistogram: return "histogram";
      case Kind::kGauge:
      case Kind::kCollected: break;
    }
    return "gauge";
  }
};

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {
  if (std::adjacent_find(bounds_.begin(), bounds_.end(), std::greater_equal<>()) != bounds_.end())
    throw std::logic_error("histogram: bounds must rise");
}

void Histogram::observe(std::chrono::nanoseconds duration) noexcept {
  const auto ns = std::max<std::int64_t>(duration.count(), 0);
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), static_cast<double>(ns) / 1e9) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(static_cast<std::uint64_t>(ns), std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const noexcept {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) count += counts_[i].load(std::memory_order_relaxed);
  return count;
}

HistogramReading Histogram::read() const {
  HistogramReading reading{.counts = {}, .sum = std::chrono::nanoseconds(sum_ns_.load(std::memory_order_relaxed))};
  for (std::size_t i = 0; i <= bounds_.size(); ++i)
    reading.counts.push_back(counts_[i].load(std::memory_order_relaxed));
  return reading;
}

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

Metrics::Family& Metrics::family(std::string_view name, std::string_view help, Kind kind, const Labels& labels) {
  const auto refuse = [&](std::string_view why) { throw std::logic_error(fmt::format("metric {}: {}", name, why)); };
  std::vector<std::string> names;
  for (const auto& [label, text] : labels) {
    if (!valid_name(label) || label == "le") refuse("bad name of a label");
    names.push_back(label);
  }
  if (const auto found = families_.find(name); found != families_.end()) {
    if (found->second->kind != kind) refuse("is of another kind already");
    if (found->second->help != help) refuse("has another help already");
    if (found->second->label_names != names) refuse("has other labels already");
    return *found->second;
  }
  if (!valid_name(name)) refuse("bad name");
  if (help.empty()) refuse("has no help");
  const bool histogram = kind == Kind::kHistogram || kind == Kind::kCollectedHistogram;
  const bool counter = kind == Kind::kCounter || kind == Kind::kTime || kind == Kind::kCollectedCounter;
  if (is_counter(name) != counter) refuse("counters, and only they, end in _total");
  if (kind == Kind::kTime && !name.ends_with("_seconds_total")) refuse("a counter of time ends in _seconds_total");
  if (histogram && !name.ends_with("_seconds")) refuse("a histogram's name ends in _seconds");
  for (const auto* ending : {"_count", "_sum", "_bucket"})
    if (name.ends_with(ending)) refuse("ends as the parts of a histogram do");
  auto& place = families_[std::string(name)];
  place = std::make_unique<Family>(Family{kind, std::string(help), std::move(names), {}});
  return *place;
}

template <class T, class... Args>
T& Metrics::find_or_make(Family& family, const Labels& labels, Args&&... args) {
  auto& all = family.series;
  auto& place = all[bounded(labels, all.size(), all.contains(labels))];
  if (!place) place = std::make_unique<Held<T, Series>>(std::forward<Args>(args)...);
  return static_cast<Held<T, Series>&>(*place).value;  // the family has one kind
}

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  return find_or_make<Counter>(family(name, help, Kind::kCounter, labels), labels);
}

TimeCounter& Metrics::time_counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  return find_or_make<TimeCounter>(family(name, help, Kind::kTime, labels), labels);
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  return find_or_make<Gauge>(family(name, help, Kind::kGauge, labels), labels);
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, const Labels& labels,
                              const std::vector<double>& bounds) {
  const std::lock_guard lock(mutex_);
  return find_or_make<Histogram>(family(name, help, Kind::kHistogram, labels), labels, bounds);
}

Metrics::Hook Metrics::collect(std::string_view name, std::string_view help, const Labels& labels,
                               Function<double()> read) {
  const std::lock_guard lock(mutex_);
  return hook(family(name, help, Kind::kCollected, labels), name, labels,
              std::make_unique<CollectedNumber<Series>>(std::move(read)));
}

Metrics::Hook Metrics::collect_counter(std::string_view name, std::string_view help, const Labels& labels,
                                       Function<double()> read) {
  const std::lock_guard lock(mutex_);
  return hook(family(name, help, Kind::kCollectedCounter, labels), name, labels,
              std::make_unique<CollectedNumber<Series>>(std::move(read)));
}

Metrics::Hook Metrics::collect_histogram(std::string_view name, std::string_view help, const Labels& labels,
                                         std::vector<double> bounds, Function<HistogramReading()> read) {
  const std::lock_guard lock(mutex_);
  return hook(family(name, help, Kind::kCollectedHistogram, labels), name, labels,
              std::make_unique<CollectedHistogram<Series>>(std::move(bounds), std::move(read)));
}

Metrics::Hook Metrics::hook(Family& family, std::string_view name, const Labels& labels,
                            std::unique_ptr<Series> series) {
  if (family.series.size() >= kMaxSeries) return {};
  series->hook = hooks_made_ + 1;
  if (!family.series.try_emplace(labels, std::move(series)).second)
    throw std::logic_error(fmt::format("metric {}: is collected twice", name));
  return {this, ++hooks_made_};
}

Metrics::Hook& Metrics::Hook::operator=(Hook&& other) noexcept {
  if (this != &other) {
    reset();
    metrics_ = std::exchange(other.metrics_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

void Metrics::Hook::reset() noexcept {
  if (auto* metrics = std::exchange(metrics_, nullptr)) metrics->forget(id_);
}

void Metrics::forget(std::uint64_t id) noexcept {
  const std::lock_guard not_read(reading_);
  const std::lock_guard lock(mutex_);
  for (auto& [name, family] : families_)
    std::erase_if(family->series, [&](const auto& entry) { return entry.second->hook == id; });
}

std::string Metrics::render() const {
  // Reading takes its time (hooks, /proc), and reactors make metrics: what there is is noted first. All of it stays
  // where it is, for nothing but forget() takes any away.
  const std::lock_guard reading(reading_);
  std::vector<std::pair<const std::string*, const Family*>> families;
  std::vector<std::vector<std::pair<const Labels*, Series*>>> series;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, family] : families_) {
      if (family->series.empty()) continue;
      families.emplace_back(&name, family.get());
      auto& all = series.emplace_back();
      for (const auto& [labels, one] : family->series) all.emplace_back(&labels, one.get());
    }
  }
  std::string out;
  out.reserve(families.size() * 256);
  for (std::size_t i = 0; i < families.size(); ++i) {
    const auto& [name, family] = families[i];
    out += "# HELP " + *name + ' ';
    append_escaped(out, family->help, false);
    out += fmt::format("\n# TYPE {} {}\n", *name, family->type());
    for (const auto& [labels, one] : series[i]) one->append(out, *name, *labels);
  }
  return out;
}

}  // namespace pillard::observe
