#include "common/sys/child_process.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/retry.h"

namespace tcpfleet::sys {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> MergedEnvironment(const std::vector<std::string>& added) {
  std::vector<std::string> merged = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view inherited(*entry);
    const absl::string_view name = inherited.substr(0, inherited.find('=') + 1);
    const bool replaced = std::any_of(added.begin(), added.end(), [&](const std::string& a) {
      return absl::StartsWith(a, name);
    });
    if (!replaced) merged.emplace_back(inherited);
  }
  return merged;
}

// Signals back to their defaults: we block SIGINT and SIGTERM and ignore SIGPIPE, the child must
// not inherit that.
class SpawnAttributes {
 public:
  explicit SpawnAttributes(bool own_process_group) {
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setpgroup(&attributes_, 0);
    const int group = own_process_group ? POSIX_SPAWN_SETPGROUP : 0;
    posix_spawnattr_setflags(
        &attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

class SpawnFileActions {
 public:
  SpawnFileActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnFileActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnFileActions(const SpawnFileActions&) = delete;
  SpawnFileActions& operator=(const SpawnFileActions&) = delete;
  void OpenNull(int target) {
    posix_spawn_file_actions_addopen(&actions_, target, "/dev/null", O_RDWR, 0);
  }
  void Duplicate(int from, int target) {
    posix_spawn_file_actions_adddup2(&actions_, from, target);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

int ExitCode(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Start(const Options& options) {
  if (options.arguments.empty()) return absl::InvalidArgumentError("no program to start");
  SpawnFileActions actions;
  if (options.stdin_fd >= 0) {
    actions.Duplicate(options.stdin_fd, 0);
  } else {
    actions.OpenNull(0);
  }
  if (options.stdout_fd >= 0) actions.Duplicate(options.stdout_fd, 1);
  if (options.stderr_fd >= 0) actions.Duplicate(options.stderr_fd, 2);

  const SpawnAttributes attributes(options.own_process_group);
  const std::vector<std::string> environment = MergedEnvironment(options.environment);
  pid_t pid = -1;
  const int error =
      ::posix_spawnp(&pid, options.arguments[0].c_str(), actions.get(), attributes.get(),
                     Pointers(options.arguments).data(), Pointers(environment).data());
  if (error != 0) return ErrnoStatus(error, absl::StrCat("start ", options.arguments[0]));
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return ChildProcess(pid, std::move(pidfd));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      exit_code_(other.exit_code_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(exit_code_, other.exit_code_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0 || TryWait()) return;
  Signal(SIGKILL);
  Wait();
}

void ChildProcess::Signal(int signal) {
  if (!exit_code_) ::kill(pid_, signal);
}

void ChildProcess::KillGroup() {
  if (!exit_code_) ::kill(-pid_, SIGKILL);
}

int ChildProcess::Wait() {
  if (!exit_code_) {
    int status = 0;
    const pid_t reaped = RetryEintr([&] { return ::waitpid(pid_, &status, 0); });
    exit_code_ = reaped == pid_ ? ExitCode(status) : -1;
  }
  return *exit_code_;
}

std::optional<int> ChildProcess::TryWait() {
  if (!exit_code_) {
    int status = 0;
    const pid_t reaped = RetryEintr([&] { return ::waitpid(pid_, &status, WNOHANG); });
    if (reaped == pid_) exit_code_ = ExitCode(status);
    if (reaped < 0) exit_code_ = -1;
  }
  return exit_code_;
}

std::optional<int> ChildProcess::WaitUntil(int64_t deadline_ns) {
  while (!TryWait()) {
    const int64_t left_ns = deadline_ns - base::MonotonicNowNs();
    if (left_ns <= 0) return std::nullopt;
    // Kernels before 5.3 have no pidfd: then poll() is a plain sleep, so keep it short.
    const int64_t longest_ms = pidfd_.valid() ? 60'000 : 10;
    pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    ::poll(&ended, 1, static_cast<int>(std::min(longest_ms, left_ns / 1'000'000 + 1)));
  }
  return exit_code_;
}

absl::StatusOr<Pipe> NewPipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus("pipe2");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace tcpfleet::sys
