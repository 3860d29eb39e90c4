// SIGINT, SIGTERM and, unless it is ignored, SIGHUP as something a thread can wait for.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// Blocks them for this thread and all it starts later, and ignores SIGPIPE and SIGXFSZ, which
// write(2) reports too. Call first in main().
absl::Status BlockTerminationSignals();

// A descriptor that becomes readable when one of the blocked signals arrives.
class TerminationSignals {
 public:
  static absl::StatusOr<TerminationSignals> Create();
  int fd() const { return fd_.get(); }
  // The signal that arrived, or 0 when none is waiting.
  int Take();

 private:
  explicit TerminationSignals(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace tcpfleet::sys
