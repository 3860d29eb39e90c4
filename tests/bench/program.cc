#include "tests/bench/program.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include <filesystem>
#include <optional>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/host.h"

namespace tcpfleet::bench {
namespace {

// No program here runs longer than its --duration, at most 600 s, and what it needs around it.
constexpr absl::Duration kLongestRun = absl::Seconds(630);
constexpr absl::Duration kLongestStart = absl::Seconds(10);

int64_t DeadlineNs(absl::Duration timeout) {
  return base::MonotonicNowNs() + absl::ToInt64Nanoseconds(timeout);
}

}  // namespace

absl::StatusOr<Program> Program::Start(std::vector<std::string> arguments, int cpu) {
  TF_ASSIGN_OR_RETURN(const std::string own_path, sys::ProgramPath());
  const std::string name = arguments.at(0);
  arguments[0] = std::filesystem::path(own_path).replace_filename(name);
  TF_ASSIGN_OR_RETURN(sys::Pipe input, sys::NewPipe());
  TF_ASSIGN_OR_RETURN(tests::CapturedOutput output, tests::CapturedOutput::Create());
  TF_ASSIGN_OR_RETURN(tests::CapturedOutput errors, tests::CapturedOutput::Create());
  sys::ChildProcess::Options options;
  options.arguments = {"taskset", "--cpu-list", absl::StrCat(cpu)};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  options.stdin_fd = input.read_end.get();
  options.stdout_fd = output.fd();
  options.stderr_fd = errors.fd();
  TF_ASSIGN_OR_RETURN(sys::ChildProcess process, sys::ChildProcess::Start(options));
  return Program(name, std::move(process), std::move(input.write_end), std::move(output),
                 std::move(errors));
}

absl::StatusOr<std::string> Program::FirstLine() {
  for (const int64_t deadline_ns = DeadlineNs(kLongestStart); Running();) {
    const std::string text = output_.Text();
    if (const size_t end = text.find('\n'); end != std::string::npos) return text.substr(0, end);
    if (base::MonotonicNowNs() > deadline_ns) {
      return absl::DeadlineExceededError(Explain("does not start"));
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  return absl::InternalError(Explain("ended at once"));
}

absl::StatusOr<std::string> Program::Finish() {
  input_.Reset();
  const std::optional<int> code = process_.WaitUntil(DeadlineNs(kLongestRun));
  if (!code) return absl::DeadlineExceededError(Explain("does not end"));
  if (*code != 0) return absl::InternalError(Explain(absl::StrCat("exit code ", *code)));
  return output_.Text();
}

std::string Program::Explain(absl::string_view what) const {
  return absl::StrCat(name_, ": ", what, ": ", absl::StripAsciiWhitespace(errors_.Text()));
}

}  // namespace tcpfleet::bench
