// Runs that answer without a fleet.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "controller/campaign/run_log.h"
#include "controller/stress/threshold.h"

namespace tcpfleet::tests {

// A report of an open-loop run that achieved `rate` at this p99.
inline v1::StressReport FakeReport(double rate, double response_us_p99) {
  v1::StressReport report;
  report.mutable_run()->mutable_spec()->set_workload(v1::StressSpec::WORKLOAD_CRR);
  v1::RunResult& total = *report.mutable_total();
  total.set_attempted(1'000);
  total.set_succeeded(1'000);
  total.set_failed_percent(0);
  total.set_measured_seconds(10);
  total.set_rate_per_second(rate);
  v1::Distribution& response = *total.mutable_response_latency_us();
  response.set_count(1'000);
  response.set_p50(response_us_p99 / 4);
  response.set_p99(response_us_p99);
  report.set_verdict("PASS");
  report.set_verdict_reason("every agent finished");
  return report;
}

inline controller::GivenOptions Options(
    std::vector<std::pair<std::string, std::vector<std::string>>> list) {
  controller::GivenOptions options;
  for (auto& [name, values] : list) {
    const absl::Status set = options.Set(name, std::move(values));
    if (!set.ok()) throw std::invalid_argument(std::string(set.message()));
  }
  return options;
}

inline double RateOf(const controller::Trial& trial) {
  return std::stod(controller::ArgumentsOf(trial).rate);
}

// Checks the trial's thresholds as a run does.
inline controller::TrialResult Checked(const controller::Trial& trial, v1::StressReport report) {
  bool broken = false;
  for (const std::string& expression : trial.options.Get("threshold")) {
    *report.add_thresholds() = controller::ParseThreshold(expression)->Check(report);
    broken |= !report.thresholds().rbegin()->passed();
  }
  if (broken) {
    report.set_verdict("FAIL");
    report.set_verdict_reason("broken");
  }
  return {report, broken ? controller::kCheckFailed : controller::kOk};
}

inline void Ignore(const v1::CampaignRun&) {}

}  // namespace tcpfleet::tests
