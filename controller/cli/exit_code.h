#pragma once

#include <absl/status/status.h>

namespace tcpfleet::controller {

// What scripts may rely on; also listed in `tcpfleet help`.
enum ExitCode : int {
  kOk = 0,
  kCheckFailed = 1,  // a threshold is broken
  kUsage = 2,        // command line, configuration or inventory is wrong
  kPartial = 3,      // an agent did not answer or did not finish
  kRefused = 4,      // by policy, permission or precheck
  kAborted = 5,      // interrupted, or could not go on
};

// For a command that could not do its work at all.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace tcpfleet::controller
