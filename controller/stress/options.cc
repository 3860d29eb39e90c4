#include "controller/stress/options.h"

#include <absl/strings/str_cat.h>

#include <array>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "controller/stress/option_parts.h"

namespace tcpfleet::controller {
namespace {

struct WorkloadEntry {
  absl::string_view name;
  v1::StressSpec::Workload workload;
};
constexpr std::array kWorkloads = {
    WorkloadEntry{"connect", v1::StressSpec::WORKLOAD_CONNECT},
    WorkloadEntry{"crr", v1::StressSpec::WORKLOAD_CRR},
    WorkloadEntry{"rr", v1::StressSpec::WORKLOAD_RR},
    WorkloadEntry{"hold", v1::StressSpec::WORKLOAD_HOLD},
    WorkloadEntry{"stream", v1::StressSpec::WORKLOAD_STREAM},
};

absl::StatusOr<v1::StressSpec::Workload> ParseWorkload(const std::string& name) {
  std::vector<std::string> names;
  for (const WorkloadEntry& entry : kWorkloads) {
    if (entry.name == name) return entry.workload;
    names.emplace_back(entry.name);
  }
  const std::string suggestion = base::DidYouMean(name, names);
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown workload '", name, "'",
      suggestion.empty() ? ": there are connect, crr, rr, hold and stream" : suggestion));
}

}  // namespace

absl::StatusOr<StressOptions> ParseStressOptions(const StressArguments& arguments) {
  StressOptions options;
  TF_ASSIGN_OR_RETURN(const v1::StressSpec::Workload workload, ParseWorkload(arguments.workload));
  options.spec.set_workload(workload);
  TF_RETURN_IF_ERROR(ParseRoles(arguments, options));
  TF_RETURN_IF_ERROR(ParseLoad(arguments, options.spec));
  TF_RETURN_IF_ERROR(ParseConnectionLife(arguments, options.spec));
  TF_RETURN_IF_ERROR(ParseMessages(arguments, options.spec));
  TF_RETURN_IF_ERROR(ParseSockets(arguments, options.spec));
  TF_RETURN_IF_ERROR(ParseServerSide(arguments, arguments.targets.empty(), options.spec));
  for (const std::string& expression : arguments.thresholds) {
    TF_ASSIGN_OR_RETURN(Threshold threshold, ParseThreshold(expression));
    options.thresholds.push_back(std::move(threshold));
  }
  options.abort_on_fail = !arguments.abort_on_fail.empty();
  options.force = !arguments.force.empty();
  if (options.abort_on_fail && options.thresholds.empty()) {
    return absl::InvalidArgumentError("--abort-on-fail: there is no --threshold to judge by");
  }
  return options;
}

absl::string_view WorkloadName(v1::StressSpec::Workload workload) {
  for (const WorkloadEntry& entry : kWorkloads) {
    if (entry.workload == workload) return entry.name;
  }
  return "?";
}

bool HasResponses(const v1::StressSpec& spec) {
  return spec.workload() == v1::StressSpec::WORKLOAD_CRR ||
         spec.workload() == v1::StressSpec::WORKLOAD_RR;
}

bool KeepsConnections(const v1::StressSpec& spec) {
  return spec.workload() == v1::StressSpec::WORKLOAD_RR ||
         spec.workload() == v1::StressSpec::WORKLOAD_HOLD ||
         spec.workload() == v1::StressSpec::WORKLOAD_STREAM;
}

}  // namespace tcpfleet::controller
