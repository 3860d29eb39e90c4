// The real programs, as a user starts them.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "common/sys/file.h"
#include "tcpfleet/v1/report.pb.h"
#include "tests/bench/groups.h"
#include "tests/bench/program.h"

namespace tcpfleet::bench {

// A tcpfleet-agent on a Unix socket in a directory of its own.
class Agent {
 public:
  static absl::StatusOr<Agent> Start(int cpu);

  pid_t pid() const { return program_.pid(); }
  const std::string& address() const { return address_; }

 private:
  Agent(sys::TemporaryDirectory directory, std::string address, Program program)
      : directory_(std::move(directory)),
        address_(std::move(address)),
        program_(std::move(program)) {}

  sys::TemporaryDirectory directory_;
  std::string address_;
  Program program_;
};

// `tcpfleet --agents AGENTS stress ARGUMENTS`, running.
class StressRun {
 public:
  static absl::StatusOr<StressRun> Start(const std::string& agents,
                                         std::vector<std::string> arguments, int cpu);
  bool Running() { return program_.Running(); }
  // Waits for the end. FailedPrecondition when a single operation failed, or when not every
  // connection of a hold run opened.
  absl::StatusOr<v1::StressReport> Finish();

 private:
  explicit StressRun(Program program) : program_(std::move(program)) {}
  Program program_;
};

}  // namespace tcpfleet::bench
