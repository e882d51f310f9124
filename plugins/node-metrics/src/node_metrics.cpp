#include "node_metrics.h"

#include <fnmatch.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "rates.h"

namespace node_metrics {

namespace {

constexpr std::size_t kMaxOutput = 1024 * 1024;
constexpr std::size_t kMaxPatterns = 100;
constexpr std::size_t kMaxPattern = 255;
constexpr pillard::Milliseconds kFirst{1000};  // from the first look to the second

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::vector<std::string> read_patterns(const pillard::Config& config, const std::string& key,
                                       std::vector<std::string> fallback) {
  auto patterns = config.list(key, std::move(fallback));
  if (patterns.size() > kMaxPatterns) config.reject(key, "names more than 100 patterns");
  for (const auto& pattern : patterns)
    if (pattern.size() > kMaxPattern || std::any_of(pattern.begin(), pattern.end(), is_control))
      config.reject(key, "\"" + pattern.substr(0, 64) + "\" is no name and no pattern of one");
  return patterns;
}

bool hidden(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; });
}

/// An output that was cut ends in the middle of a line, which would be read as another number.
std::string_view whole_lines(const pillard::Exit& exit) {
  const std::string_view out = exit.out;
  return exit.truncated ? out.substr(0, out.rfind('\n') + 1) : out;
}

}  // namespace

Settings read_settings(const pillard::Config& config) {
  Settings settings;
  settings.hidden_disks = read_patterns(config, "hidden_disks", {"loop*", "ram*", "zram*", "fd*", "sr*"});
  settings.hidden_interfaces = read_patterns(config, "hidden_interfaces", {"lo", "veth*", "ifb*", "dummy*"});
  settings.hidden_filesystems = read_patterns(config, "hidden_filesystems", {"/snap/*", "/var/lib/kubelet/*"});
  return settings;
}

void hide(Snapshot& snapshot, const Settings& settings) {
  std::erase_if(snapshot.disks, [&](const auto& disk) {
    return hidden(settings.hidden_disks, disk.name) ||
           (!disk.mapper.empty() && hidden(settings.hidden_disks, disk.mapper));
  });
  std::erase_if(snapshot.interfaces,
                [&](const auto& interface) { return hidden(settings.hidden_interfaces, interface.name); });
  std::erase_if(snapshot.mounts, [&](const auto& mount) { return hidden(settings.hidden_filesystems, mount.point); });
}

pillard::Error explain(const pillard::Exit& exit) {
  using pillard::Code;
  if (exit.timed_out) return {Code::kTimeout, "The node did not tell its metrics in time."};
  if (exit.status == 126 || exit.status == 127)
    return {Code::kUnsupported, "This node lacks env or sh, which metrics are read with."};
  if (exit.ok()) return {Code::kUnsupported, "This node shows nothing in /proc: metrics need Linux, grep and head."};
  return {Code::kInternal,
          "Reading the metrics of the node failed" + (exit.err.empty() ? "." : ": " + pillard::first_line(exit.err))};
}

MetricsSource::MetricsSource(pillard::Context& context, std::shared_ptr<const Settings> settings,
                             const MetricsQuery& query)
    : context_(context), settings_(std::move(settings)), interval_(query.interval) {
  look();
}

void MetricsSource::look() {
  looked_at_ = context_.unix_ms();
  auto argv = look_command();
  // What is mounted was told by the look before: so one command does it, and never asks a server that is away.
  if (before_)
    for (const auto& mount : before_->mounts) argv.push_back(mount.point);
  running_ = context_.node().exec({.argv = std::move(argv), .max_output = kMaxOutput},
                                  [this](const pillard::Exit& exit) { seen(exit); });
}

void MetricsSource::seen(const pillard::Exit& exit) {
  if (!exit.ok()) {
    context_.fail(explain(exit));
    return;
  }
  if (exit.truncated) context_.count("cut_looks");
  auto now = parse_snapshot(whole_lines(exit));
  if (now.empty()) {
    context_.fail(explain(exit));
    return;
  }
  hide(now, *settings_);
  if (before_) {
    auto metrics = measure(*before_, now);
    metrics.timestamp = context_.unix_ms();
    foretell(metrics, now);
    context_.publish(metrics);
    published_ = true;
  }
  before_ = std::move(now);
  schedule(published_ ? interval_ / 4 : pillard::Milliseconds{0});
}

void MetricsSource::foretell(Metrics& metrics, const Snapshot& now) {
  if (!now.uptime) return;
  std::map<std::string_view, const Mount*> mounts;  // by point
  for (const auto& mount : now.mounts) mounts[mount.point] = &mount;
  std::map<std::string, FillHistory> going_on;  // what is gone is forgotten
  for (auto& filesystem : metrics.filesystems) {
    // Another disk at the same place has a history of its own.
    auto key = mounts.at(filesystem.mount)->device + ' ' + filesystem.mount;
    auto history = histories_.extract(key);
    auto& kept = history ? going_on.insert(std::move(history)).position->second : going_on[std::move(key)];
    kept.add(*now.uptime, filesystem.used);
    filesystem.full_in = kept.full_in(filesystem.available);
  }
  histories_ = std::move(going_on);
}

void MetricsSource::retune(const MetricsQuery& query) {
  interval_ = pillard::Milliseconds(query.interval);
  if (next_.active()) schedule(pillard::Milliseconds{0});
}

void MetricsSource::schedule(pillard::Milliseconds rest) {
  // The clock may have been set meanwhile: what passed is never less than nothing.
  const pillard::Milliseconds passed{std::max<std::int64_t>(0, context_.unix_ms() - looked_at_)};
  const auto interval = published_ ? interval_ : kFirst;
  next_ = context_.after(std::max(rest, interval - passed), [this] { look(); });
}

}  // namespace node_metrics
