#pragma once
// How long single connections take from connect() to the first event.
#include "load/options.h"

namespace pillard::bench {

/// Makes all probes, prints a line of JSON for each. Throws for a connection that fails, and for a timeout.
void run_probes(const Options& options);

}  // namespace pillard::bench
