// A child program whose life is bound to this object.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// Owns:    the process: the destructor kills it (SIGKILL) and reaps it when it still runs.
// Threads: not thread-safe. The child starts in the network namespace of the calling thread.
class ChildProcess {
 public:
  struct Options {
    // arguments[0] is the program, looked up in PATH when it has no slash.
    std::vector<std::string> arguments;
    // Added to this process's environment, as "NAME=VALUE"; a name given here replaces the
    // inherited one.
    std::vector<std::string> environment;
    // Descriptors that become the child's 0, 1 and 2; -1 means /dev/null for 0 and inherited for 1
    // and 2.
    int stdin_fd = -1;
    int stdout_fd = -1;
    int stderr_fd = -1;
    // In a process group of its own a Ctrl-C on the terminal does not reach the child.
    bool own_process_group = false;
  };

  // NotFound when there is no such program.
  static absl::StatusOr<ChildProcess> Start(const Options& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  void Signal(int signal);
  // SIGKILL to all of its process group, which must be its own; nothing once it was waited for.
  void KillGroup();
  // Waits for the end. The exit code, or 128 + the signal that ended it, as in a shell.
  int Wait();
  // The same, or nothing while it still runs.
  std::optional<int> TryWait();
  // Like Wait, but gives up at CLOCK_MONOTONIC `deadline_ns`.
  std::optional<int> WaitUntil(int64_t deadline_ns);

 private:
  explicit ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::optional<int> exit_code_;
};

// A pipe; both ends close on exec.
struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
absl::StatusOr<Pipe> NewPipe();

}  // namespace tcpfleet::sys
