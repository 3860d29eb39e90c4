#include "tests/bench/fleet.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>

#include <utility>

#include "common/base/status_macros.h"

namespace tcpfleet::bench {

absl::StatusOr<Agent> Agent::Start(int cpu) {
  TF_ASSIGN_OR_RETURN(sys::TemporaryDirectory directory,
                      sys::TemporaryDirectory::Create("tcpfleet-bench"));
  std::string address = absl::StrCat("unix:", directory.path(), "/agent.sock");
  TF_ASSIGN_OR_RETURN(Program program,
                      Program::Start({"tcpfleet-agent", "--listen", address, "--name", "bench",
                                      "--exit-on-stdin-close", "--log-level", "warn"},
                                     cpu));
  TF_ASSIGN_OR_RETURN(const std::string line, program.FirstLine());
  if (line != "ready") return absl::InternalError(absl::StrCat("agent printed '", line, "'"));
  return Agent(std::move(directory), std::move(address), std::move(program));
}

absl::StatusOr<StressRun> StressRun::Start(const std::string& agents,
                                           std::vector<std::string> arguments, int cpu) {
  arguments.insert(arguments.begin(),
                   {"tcpfleet", "--agents", agents, "--output", "json", "stress"});
  TF_ASSIGN_OR_RETURN(Program program, Program::Start(std::move(arguments), cpu));
  return StressRun(std::move(program));
}

absl::StatusOr<v1::StressReport> StressRun::Finish() {
  TF_ASSIGN_OR_RETURN(const std::string json, program_.Finish());
  v1::StressReport report;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &report);
  if (!parsed.ok()) return absl::DataLossError(absl::StrCat("report: ", parsed.ToString()));
  if (report.verdict() != "PASS" || report.total().failed_size() != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("run is no measurement: verdict ", report.verdict(), " ",
                     report.verdict_reason(), "; failed classes: ", report.total().failed_size()));
  }
  const uint64_t succeeded = report.total().succeeded();
  const v1::StressSpec& spec = report.run().spec();
  const bool holds = spec.workload() == v1::StressSpec::WORKLOAD_HOLD;
  if (succeeded == 0 || (holds && succeeded != spec.connections())) {
    return absl::FailedPreconditionError(absl::StrCat("run is too short for this machine: only ",
                                                      succeeded, " operations; try --seconds"));
  }
  return report;
}

}  // namespace tcpfleet::bench
