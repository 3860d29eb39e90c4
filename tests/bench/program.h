#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include <string>
#include <utility>
#include <vector>

#include "common/sys/child_process.h"
#include "common/sys/unique_fd.h"
#include "tests/support/run_command.h"

namespace tcpfleet::bench {

// A program under measurement, pinned to one CPU, with its output out of our table. Killed by the
// destructor.
class Program {
 public:
  // arguments[0] names a program in the directory of this one.
  static absl::StatusOr<Program> Start(std::vector<std::string> arguments, int cpu);
  // arguments[0] is a path or found on the PATH.
  static absl::StatusOr<Program> StartPeer(std::vector<std::string> arguments, int cpu);

  pid_t pid() const { return process_.pid(); }
  bool Running() { return !process_.TryWait(); }

  // The first line it prints, without the newline. Internal when it ends before that.
  absl::StatusOr<std::string> FirstLine();

  // All it has printed so far.
  std::string Output() const { return output_.Text(); }

  // Waits until something listens on this TCP port. Internal when the program ends before that.
  absl::Status AwaitListener(int port);

  // Ends its standard input, waits for its end and returns all it printed. Internal when it exits
  // with anything but 0, DeadlineExceeded when it does not exit.
  absl::StatusOr<std::string> Finish();

  // As Ctrl-C does; waits for its end. Internal when it exits with anything but `exit_code`.
  absl::Status Interrupt(int exit_code);

 private:
  Program(std::string name, sys::ChildProcess process, sys::UniqueFd input,
          tests::CapturedOutput output, tests::CapturedOutput errors)
      : name_(std::move(name)),
        process_(std::move(process)),
        input_(std::move(input)),
        output_(std::move(output)),
        errors_(std::move(errors)) {}

  absl::Status AwaitExit(int exit_code);
  // "PROGRAM: what: its standard error"
  std::string Explain(absl::string_view what) const;

  std::string name_;
  sys::ChildProcess process_;
  sys::UniqueFd input_;
  tests::CapturedOutput output_;
  tests::CapturedOutput errors_;
};

// Some directory of the PATH has this program.
bool IsOnPath(const std::string& program);

}  // namespace tcpfleet::bench
