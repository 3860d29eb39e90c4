#include "tests/support/run_command.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/strip.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"

namespace tcpfleet::tests {

absl::StatusOr<CapturedOutput> CapturedOutput::Create() {
  sys::UniqueFd fd(::memfd_create("output", MFD_CLOEXEC));
  if (!fd.valid()) return sys::ErrnoStatus("memfd_create");
  return CapturedOutput(std::move(fd));
}

std::string CapturedOutput::Text() const {
  std::string text;
  char buffer[16384];
  for (;;) {
    // The offset belongs to the writer.
    const ssize_t got = ::pread(fd_.get(), buffer, sizeof(buffer), static_cast<off_t>(text.size()));
    if (got <= 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

absl::StatusOr<CommandResult> RunCommand(sys::ChildProcess::Options options,
                                         absl::Duration timeout) {
  TF_ASSIGN_OR_RETURN(const CapturedOutput out, CapturedOutput::Create());
  TF_ASSIGN_OR_RETURN(const CapturedOutput err, CapturedOutput::Create());
  options.stdout_fd = out.fd();
  options.stderr_fd = err.fd();
  TF_ASSIGN_OR_RETURN(sys::ChildProcess child, sys::ChildProcess::Start(options));
  const std::optional<int> exit_code =
      child.WaitUntil(base::MonotonicNowNs() + absl::ToInt64Nanoseconds(timeout));
  if (!exit_code) {
    return absl::DeadlineExceededError(absl::StrCat(
        absl::StrJoin(options.arguments, " "), ": still running after ",
        absl::FormatDuration(timeout), "; stdout: ", out.Text(), "; stderr: ", err.Text()));
  }
  return CommandResult{*exit_code, out.Text(), err.Text()};
}

absl::StatusOr<CommandResult> RunCommand(std::vector<std::string> arguments,
                                         absl::Duration timeout) {
  sys::ChildProcess::Options options;
  options.arguments = std::move(arguments);
  return RunCommand(std::move(options), timeout);
}

absl::StatusOr<std::string> OutputOf(std::vector<std::string> arguments, const std::string& input) {
  TF_ASSIGN_OR_RETURN(const CapturedOutput in, CapturedOutput::Create());
  if (::pwrite(in.fd(), input.data(), input.size(), 0) != static_cast<ssize_t>(input.size())) {
    return sys::ErrnoStatus("pwrite to a memfd");
  }
  sys::ChildProcess::Options options;
  options.arguments = std::move(arguments);
  options.stdin_fd = in.fd();
  const std::string name = absl::StrJoin(options.arguments, " ");
  TF_ASSIGN_OR_RETURN(CommandResult result, RunCommand(std::move(options)));
  if (result.exit_code != 0) {
    return absl::UnknownError(absl::StrCat(name, ": exit code ", result.exit_code, ": ",
                                           absl::StripSuffix(result.err, "\n")));
  }
  return std::move(result.out);
}

}  // namespace tcpfleet::tests
