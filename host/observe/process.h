#pragma once
#include <vector>

#include "observe/metrics.h"

namespace pillard::observe {

/// What the kernel knows of this process, under the names that all Prometheus clients use (process_cpu_seconds_total,
/// process_open_fds, ...). Read when somebody asks, as long as the hooks are kept.
std::vector<Metrics::Hook> describe_process(Metrics& metrics);

}  // namespace pillard::observe
