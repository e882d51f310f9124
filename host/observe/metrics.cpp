#include "observe/metrics.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace pillard::observe {
namespace {

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

template <class T, class... Args>
T& find_or_make(std::map<Labels, std::unique_ptr<T>>& series, const Labels& labels, Args&&... args) {
  auto& place = series[bounded(labels, series.size(), series.contains(labels))];
  if (!place) place = std::make_unique<T>(std::forward<Args>(args)...);
  return *place;
}

}  // namespace

struct Metrics::Family {
  struct Collected {
    std::uint64_t id;
    Function<double()> read;
  };
  Kind kind;
  std::string help;
  std::vector<std::string> label_names;
  std::map<Labels, std::unique_ptr<Counter>> counters;
  std::map<Labels, std::unique_ptr<Gauge>> gauges;
  std::map<Labels, std::unique_ptr<Histogram>> histograms;
  std::map<Labels, Collected> collected;

  bool empty() const { return counters.empty() && gauges.empty() && histograms.empty() && collected.empty(); }
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
  if (name.ends_with("_total") != (kind == Kind::kCounter)) refuse("counters, and only they, end in _total");
  if (kind == Kind::kHistogram && !name.ends_with("_seconds")) refuse("a histogram's name ends in _seconds");
  auto& place = families_[std::string(name)];
  place = std::make_unique<Family>();
  place->kind = kind;
  place->help = help;
  place->label_names = std::move(names);
  return *place;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, Kind::kCounter, labels).counters, labels);
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, Kind::kGauge, labels).gauges, labels);
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, const Labels& labels,
                              const std::vector<double>& bounds) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, Kind::kHistogram, labels).histograms, labels, bounds);
}

Metrics::Hook Metrics::collect(std::string_view name, std::string_view help, const Labels& labels,
                               Function<double()> read) {
  const std::lock_guard lock(mutex_);
  auto& collected = family(name, help, Kind::kCollected, labels).collected;
  if (collected.size() >= kMaxSeries) return {};
  if (!collected.try_emplace(labels, Family::Collected{hooks_made_ + 1, std::move(read)}).second)
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
  const std::lock_guard lock(mutex_);
  for (auto& [name, family] : families_)
    std::erase_if(family->collected, [&](const auto& entry) { return entry.second.id == id; });
}

void Metrics::append_histogram(std::string& out, const std::string& name, Labels labels, const Histogram& histogram) {
  const Labels plain = labels;
  labels.emplace_back("le", "");
  std::uint64_t below = 0;
  for (std::size_t i = 0; i <= histogram.bounds_.size(); ++i) {
    below += histogram.counts_[i].load(std::memory_order_relaxed);
    labels.back().second = i < histogram.bounds_.size() ? number(histogram.bounds_[i]) : "+Inf";
    append_sample(out, name + "_bucket", labels, std::to_string(below));
  }
  const auto sum = static_cast<double>(histogram.sum_ns_.load(std::memory_order_relaxed)) / 1e9;
  append_sample(out, name + "_sum", plain, number(sum));
  append_sample(out, name + "_count", plain, std::to_string(below));
}

void Metrics::append_family(std::string& out, const std::string& name, Family& family) {
  const auto kind = family.kind == Kind::kCounter ? "counter" : family.kind == Kind::kHistogram ? "histogram" : "gauge";
  out += "# HELP " + name + ' ';
  append_escaped(out, family.help, false);
  out += "\n# TYPE " + name + ' ' + kind + '\n';
  for (const auto& [labels, counter] : family.counters)
    append_sample(out, name, labels, std::to_string(counter->value()));
  for (const auto& [labels, gauge] : family.gauges) append_sample(out, name, labels, std::to_string(gauge->value()));
  for (const auto& [labels, histogram] : family.histograms) append_histogram(out, name, labels, *histogram);
  for (auto& [labels, collected] : family.collected) {
    double value = NAN;
    try {
      value = collected.read();
    } catch (const std::exception&) {
      value = NAN;  // one reading that fails must not hide all others
    }
    append_sample(out, name, labels, number(value));
  }
}

std::string Metrics::render() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  out.reserve(families_.size() * 256);
  for (const auto& [name, family] : families_)
    if (!family->empty()) append_family(out, name, *family);
  return out;
}

}  // namespace pillard::observe
