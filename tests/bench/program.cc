#include "tests/bench/program.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "common/sys/host.h"

namespace tcpfleet::bench {
namespace {

// No program here runs longer than its --duration, at most 600 s, and what it needs around it.
constexpr absl::Duration kLongestRun = absl::Seconds(630);
constexpr absl::Duration kLongestStart = absl::Seconds(10);

int64_t DeadlineNs(absl::Duration timeout) {
  return base::MonotonicNowNs() + absl::ToInt64Nanoseconds(timeout);
}

// Source: proc(5), net/tcp: the local address is HEX:PORT in hexadecimal, 0A is LISTEN.
bool Listens(const char* path, int port) {
  const absl::StatusOr<std::string> table = sys::ReadFile(path);
  const std::string suffix = absl::StrFormat(":%04X", port);
  for (const absl::string_view line : absl::StrSplit(table.value_or(""), '\n')) {
    const std::vector<absl::string_view> columns = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (columns.size() > 3 && columns[3] == "0A" && absl::EndsWith(columns[1], suffix)) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<Program> Program::Start(std::vector<std::string> arguments, int cpu) {
  TF_ASSIGN_OR_RETURN(const std::string own_path, sys::ProgramPath());
  arguments.at(0) = std::filesystem::path(own_path).replace_filename(arguments.at(0));
  return StartPeer(std::move(arguments), cpu);
}

absl::StatusOr<Program> Program::StartPeer(std::vector<std::string> arguments, int cpu) {
  const std::string name = std::filesystem::path(arguments.at(0)).filename();
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

absl::Status Program::AwaitListener(int port) {
  for (const int64_t deadline_ns = DeadlineNs(kLongestStart); Running();) {
    if (Listens("/proc/net/tcp", port) || Listens("/proc/net/tcp6", port)) return absl::OkStatus();
    if (base::MonotonicNowNs() > deadline_ns) {
      return absl::DeadlineExceededError(Explain("does not listen"));
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  return absl::InternalError(Explain("ended at once"));
}

absl::StatusOr<std::string> Program::Finish() {
  input_.Reset();
  TF_RETURN_IF_ERROR(AwaitExit(0));
  return output_.Text();
}

absl::Status Program::Interrupt(int exit_code) {
  process_.Signal(SIGINT);
  return AwaitExit(exit_code);
}

absl::Status Program::AwaitExit(int exit_code) {
  const std::optional<int> code = process_.WaitUntil(DeadlineNs(kLongestRun));
  if (!code) return absl::DeadlineExceededError(Explain("does not end"));
  if (*code == exit_code) return absl::OkStatus();
  return absl::InternalError(Explain(absl::StrCat("exit code ", *code)));
}

bool IsOnPath(const std::string& program) {
  const char* const path = std::getenv("PATH");
  if (path == nullptr) return false;
  for (const absl::string_view directory : absl::StrSplit(path, ':')) {
    if (std::filesystem::exists(absl::StrCat(directory, "/", program))) return true;
  }
  return false;
}

std::string Program::Explain(absl::string_view what) const {
  return absl::StrCat(name_, ": ", what, ": ", absl::StripAsciiWhitespace(errors_.Text()));
}

}  // namespace tcpfleet::bench
