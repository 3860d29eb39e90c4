#include "controller/fleet/local_agent.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/host.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kProgramName = "tcpfleet-agent";
constexpr int64_t kStopTimeoutNs = 1'000'000'000;

std::string SocketPath(const sys::TemporaryDirectory& directory) {
  return directory.path() + "/agent.sock";
}
std::string StderrPath(const sys::TemporaryDirectory& directory) {
  return directory.path() + "/stderr";
}

// Outlives the agent, so that the next one knows what is to be reverted. Empty: there is no place.
std::string StateDirectory() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody calls setenv
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return absl::StrCat(state, "/tcpfleet");
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody calls setenv
  const char* home = std::getenv("HOME");
  return home != nullptr && *home == '/' ? absl::StrCat(home, "/.local/state/tcpfleet") : "";
}

std::vector<std::string> ArgumentsOf(const std::string& program,
                                     const sys::TemporaryDirectory& directory) {
  std::vector<std::string> arguments = {program,
                                        "--listen",
                                        "unix:" + SocketPath(directory),
                                        "--exit-on-stdin-close",
                                        "--name",
                                        "local",
                                        "--log-level",
                                        "warn"};
  if (const std::string state = StateDirectory(); !state.empty()) {
    arguments.insert(arguments.end(), {"--allow-sysctl", "default", "--state-directory", state});
  }
  return arguments;
}

// Why the agent is not there: its last line on stderr says it best.
absl::Status NotReady(const sys::TemporaryDirectory& directory, sys::ChildProcess& process,
                      const absl::Status& wait) {
  const std::optional<int> exit_code =
      absl::IsDeadlineExceeded(wait) ? process.TryWait()
                                     : process.WaitUntil(base::MonotonicNowNs() + kStopTimeoutNs);
  const std::string outcome = exit_code ? absl::StrCat("ended with exit code ", *exit_code)
                                        : absl::StrCat("did not get ready: ", wait.message());
  const absl::StatusOr<std::string> said = sys::ReadFile(StderrPath(directory));
  std::string last_line;
  for (const absl::string_view line : absl::StrSplit(said.ok() ? *said : "", '\n')) {
    if (!absl::StripAsciiWhitespace(line).empty()) last_line = std::string(line);
  }
  return absl::UnavailableError(absl::StrCat("the private agent ", outcome,
                                             last_line.empty() ? "" : "; it said: ", last_line));
}

}  // namespace

std::string FindAgentProgram() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody calls setenv
  if (const char* chosen = std::getenv("TCPFLEET_AGENT"); chosen != nullptr && *chosen != '\0') {
    return chosen;
  }
  if (const absl::StatusOr<std::string> own = sys::ProgramPath(); own.ok()) {
    const std::filesystem::path folder = std::filesystem::path(*own).parent_path();
    for (const char* place : {".", "../libexec/tcpfleet"}) {
      const std::filesystem::path candidate =
          (folder / place / std::string(kProgramName)).lexically_normal();
      std::error_code ignored;
      if (std::filesystem::is_regular_file(candidate, ignored)) return candidate;
    }
  }
  return std::string(kProgramName);
}

absl::StatusOr<std::unique_ptr<LocalAgent>> LocalAgent::Start(const std::string& program,
                                                              absl::Duration timeout) {
  TF_ASSIGN_OR_RETURN(sys::TemporaryDirectory directory,
                      sys::TemporaryDirectory::Create("tcpfleet"));
  TF_ASSIGN_OR_RETURN(sys::Pipe lifeline, sys::NewPipe());
  TF_ASSIGN_OR_RETURN(sys::Pipe ready, sys::NewPipe());
  TF_ASSIGN_OR_RETURN(const sys::UniqueFd stderr_file, sys::OpenForWrite(StderrPath(directory)));
  absl::StatusOr<sys::ChildProcess> process = sys::ChildProcess::Start({
      .arguments = ArgumentsOf(program, directory),
      .environment = {},
      .stdin_fd = lifeline.read_end.get(),
      .stdout_fd = ready.write_end.get(),
      .stderr_fd = stderr_file.get(),
      .own_process_group = true,
  });
  if (absl::IsNotFound(process.status())) {
    return absl::NotFoundError(absl::StrCat(
        "no program ", program,
        ": install the agent, set TCPFLEET_AGENT to its path, or name running ones with --agents"));
  }
  TF_RETURN_IF_ERROR(process.status());
  ready.write_end.Reset();  // so that the agent's end is seen as the end of the pipe
  const int64_t deadline_ns = base::MonotonicNowNs() + absl::ToInt64Nanoseconds(timeout);
  const absl::StatusOr<std::string> line = sys::ReadLineUntil(ready.read_end.get(), deadline_ns);
  if (!line.ok()) return NotReady(directory, *process, line.status());
  if (*line != "ready") {
    return absl::UnavailableError(
        absl::StrCat(program, " is no tcpfleet-agent: it said '", line->substr(0, 80), "'"));
  }
  return std::unique_ptr<LocalAgent>(
      new LocalAgent(std::move(directory), std::move(lifeline.write_end), *std::move(process)));
}

LocalAgent::LocalAgent(sys::TemporaryDirectory directory, sys::UniqueFd lifeline,
                       sys::ChildProcess process)
    : directory_(std::move(directory)),
      lifeline_(std::move(lifeline)),
      process_(std::move(process)) {}

LocalAgent::~LocalAgent() {
  lifeline_.Reset();
  process_.WaitUntil(base::MonotonicNowNs() + kStopTimeoutNs);  // then it is killed
}

AgentTarget LocalAgent::target() const { return {"local", "unix:" + SocketPath(directory_), {}}; }

}  // namespace tcpfleet::controller
