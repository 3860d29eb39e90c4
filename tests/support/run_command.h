// Programs run to their end, with what they printed.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <utility>
#include <vector>

#include "common/sys/child_process.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::tests {

// A file in memory that a child writes to (stdout_fd, stderr_fd) and the test reads, also while the
// child runs. Unlike a pipe it never fills up and never waits for grandchildren.
class CapturedOutput {
 public:
  static absl::StatusOr<CapturedOutput> Create();
  int fd() const { return fd_.get(); }
  // Everything written so far.
  std::string Text() const;

 private:
  explicit CapturedOutput(sys::UniqueFd fd) : fd_(std::move(fd)) {}
  sys::UniqueFd fd_;
};

struct CommandResult {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// The descriptors in `options` are set here. DeadlineExceeded when the program had to be killed;
// the message holds what it printed.
absl::StatusOr<CommandResult> RunCommand(sys::ChildProcess::Options options,
                                         absl::Duration timeout = absl::Seconds(60));
absl::StatusOr<CommandResult> RunCommand(std::vector<std::string> arguments,
                                         absl::Duration timeout = absl::Seconds(60));

// The same, and `input` on stdin; what the program printed on stdout. Any other exit code than 0 is
// an error with its stderr.
absl::StatusOr<std::string> OutputOf(std::vector<std::string> arguments,
                                     const std::string& input = "");

}  // namespace tcpfleet::tests
