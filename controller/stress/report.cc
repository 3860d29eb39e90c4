#include "controller/stress/report.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>

#include "common/base/version.h"
#include "controller/stress/load_shape.h"

namespace tcpfleet::controller {
namespace {

void SetTimestamp(absl::Time time, google::protobuf::Timestamp& timestamp) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

std::vector<const Participant*> PointersTo(const std::vector<Participant>& participants) {
  std::vector<const Participant*> pointers;
  for (const Participant& participant : participants) pointers.push_back(&participant);
  return pointers;
}

void AddSlowest(const std::vector<const Participant*>& participants, v1::StressReport& report) {
  std::vector<v1::SlowOperation> slowest;
  for (const Participant* const participant : participants) {
    if (!participant->is_client()) continue;
    for (v1::SlowOperation& operation : participant->SlowOperations()) {
      slowest.push_back(std::move(operation));
    }
  }
  std::stable_sort(slowest.begin(), slowest.end(),
                   [](const v1::SlowOperation& a, const v1::SlowOperation& b) {
                     return a.response_latency_us() > b.response_latency_us();
                   });
  const size_t wanted = report.run().spec().exemplars();
  if (slowest.size() > wanted) slowest.resize(wanted);
  for (v1::SlowOperation& operation : slowest) *report.add_slowest() = std::move(operation);
}

}  // namespace

void SetStartSkew(absl::Span<const Participant* const> participants, v1::StressReport& report) {
  double earliest_us = std::numeric_limits<double>::max();
  double latest_us = std::numeric_limits<double>::lowest();
  int clients = 0;
  for (const Participant* const participant : participants) {
    const auto offset_us = participant->first_syn_offset_us();
    if (!participant->is_client() || !offset_us.has_value()) continue;
    earliest_us = std::min(earliest_us, *offset_us);
    latest_us = std::max(latest_us, *offset_us);
    ++clients;
  }
  if (clients >= 2) report.set_start_skew_us(latest_us - earliest_us);
}

v1::RunResult TotalOf(absl::Span<const Participant* const> participants, uint64_t peak_active) {
  v1::RunResult total;
  RunHistograms histograms;
  double uncertainty_us = 0;
  for (const Participant* const participant : participants) {
    if (!participant->is_client()) {
      v1::RunResult server;
      RunHistograms ignored;
      participant->measurement().AddTo(server, ignored);
      total.set_connections_accepted(total.connections_accepted() + server.connections_accepted());
      for (const auto& [name, count] : server.accept_failed())
        (*total.mutable_accept_failed())[name] += count;
      continue;
    }
    participant->measurement().AddTo(total, histograms);
    const auto offset_us = participant->first_syn_offset_us();
    if (!offset_us.has_value()) continue;
    if (!total.has_first_syn_offset_us() || *offset_us > total.first_syn_offset_us()) {
      total.set_first_syn_offset_us(*offset_us);
    }
    uncertainty_us =
        std::max(uncertainty_us, static_cast<double>(participant->clock().uncertainty_ns) / 1e3);
    total.set_clock_uncertainty_us(uncertainty_us);
  }
  total.set_active(peak_active);
  FinishTotal(histograms, total);
  return total;
}

v1::StressInterval BuildInterval(const RunView& view) {
  v1::StressInterval interval;
  interval.set_elapsed_seconds(static_cast<double>(view.elapsed_ns) / 1e9);
  *interval.mutable_total() = TotalOf(view.participants, view.peak_active);
  for (const Participant* const participant : view.participants)
    *interval.add_agents() = participant->Result();
  return interval;
}

v1::StressReport BuildReport(const StressOptions& options, const RunOutcome& outcome,
                             absl::Span<const v1::AgentFailure> missing) {
  v1::StressReport report;
  v1::RunDescription& run = *report.mutable_run();
  *run.mutable_spec() = options.spec;
  run.set_controller_version(std::string(base::Version()));
  SetTimestamp(outcome.start_time, *run.mutable_start());
  for (const Threshold& threshold : options.thresholds) run.add_thresholds(threshold.expression());
  run.set_loop(IsOpenLoop(options.spec) ? "open" : "closed");

  const std::vector<const Participant*> participants = PointersTo(outcome.participants);
  *report.mutable_total() = TotalOf(participants, outcome.peak_active);
  for (const v1::AgentFailure& failure : missing) *report.add_failures() = failure;
  for (const Participant& participant : outcome.participants) {
    *report.add_agents() = participant.Result();
    if (participant.failure().has_value()) *report.add_failures() = *participant.failure();
    for (v1::PathResult& path : participant.Paths()) *report.add_paths() = std::move(path);
  }
  AddSlowest(participants, report);
  SetStartSkew(participants, report);
  report.set_generator_limited(!GeneratorLateness(report).empty());
  for (const Threshold& threshold : options.thresholds)
    *report.add_thresholds() = threshold.Check(report);
  const Verdict verdict = JudgeRun(outcome, report);
  report.set_verdict(verdict.name);
  report.set_verdict_reason(verdict.reason);
  return report;
}

Verdict JudgeRun(const RunOutcome& outcome, const v1::StressReport& report) {
  VerdictFacts facts;
  facts.interrupted = outcome.end == RunEnd::kInterrupted;
  if (outcome.end == RunEnd::kNoClient) facts.not_started = "no client was ready";
  if (outcome.end == RunEnd::kServerMissing) facts.not_started = "a server was not ready";
  facts.blocked = outcome.end == RunEnd::kBlocked;
  facts.aborted_by = outcome.aborted_by;
  const v1::StressSpec& spec = report.run().spec();
  facts.planned_seconds =
      static_cast<double>(spec.warmup_ms() + spec.duration_ms() + spec.cooldown_ms()) / 1e3;
  facts.elapsed_seconds =
      std::min(static_cast<double>(outcome.elapsed_ns) / 1e9, facts.planned_seconds);
  for (const Participant& participant : outcome.participants) {
    if (!participant.refusal().ok()) facts.refusals.push_back(participant.refusal());
    const std::string& broken = participant.measurement().broken_identity();
    if (!broken.empty())
      facts.broken_identities.push_back(absl::StrCat(participant.target().name, ": ", broken));
  }
  return Judge(facts, report);
}

}  // namespace tcpfleet::controller
