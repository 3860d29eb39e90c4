#include "controller/stress/verdict.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cmath>

#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

bool IsRefusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kNotFound:  // a target name that does not resolve
    case absl::StatusCode::kInvalidArgument:
      return true;
    default:
      return false;
  }
}

ExitCode NotStartedCode(const VerdictFacts& facts, const v1::StressReport& report) {
  const auto& refusals = facts.refusals;
  const bool all_refused = !refusals.empty() &&
                           refusals.size() == static_cast<size_t>(report.failures_size()) &&
                           std::all_of(refusals.begin(), refusals.end(), IsRefusal);
  if (!all_refused) return kPartial;
  return std::all_of(refusals.begin(), refusals.end(), absl::IsInvalidArgument) ? kUsage : kRefused;
}

// "not the whole fleet took part to the end: a[1-2] (2)"
std::string Missing(const v1::StressReport& report) {
  std::vector<std::string> names;
  for (const v1::AgentFailure& failure : report.failures()) names.push_back(failure.name());
  return absl::StrCat("not the whole fleet took part to the end: ", FoldNames(names));
}

std::string OffStart(const v1::StressReport& report) {
  for (const v1::AgentFailure& failure : report.failures()) {
    if (failure.kind() == "late") return absl::StrCat(failure.name(), " ", failure.cause());
  }
  for (const v1::RunResult& agent : report.agents()) {
    if (!agent.has_first_syn_offset_us()) continue;
    const double offset_us = agent.first_syn_offset_us();
    if (std::fabs(offset_us) - agent.clock_uncertainty_us() <= kMostStartOffsetUs) continue;
    return absl::StrFormat("%s made its first connection %.0f ms %s the planned start",
                           agent.name(), std::fabs(offset_us) / 1e3,
                           offset_us < 0 ? "before" : "after");
  }
  return "";
}

std::string BrokenThresholds(const v1::StressReport& report) {
  std::vector<std::string> broken;
  for (const v1::ThresholdResult& threshold : report.thresholds()) {
    if (threshold.passed()) continue;
    broken.push_back(
        threshold.has_observed()
            ? absl::StrCat(threshold.expression(), " (observed ", threshold.observed(), ")")
            : absl::StrCat(threshold.expression(), " (nothing to observe)"));
  }
  return absl::StrJoin(broken, ", ");
}

// Operations that failed for want of something on our own side; accepts of agents that serve too.
std::string GeneratorLimits(const v1::RunResult& total) {
  std::vector<std::string> limits;
  for (const char* const failure_class : {"localFd", "localPort"}) {
    const auto failed = total.failed().find(failure_class);
    if (failed != total.failed().end() && failed->second > 0) {
      limits.push_back(absl::StrCat(failure_class, " ", failed->second));
    }
    const auto accept = total.accept_failed().find(failure_class);
    if (accept != total.accept_failed().end() && accept->second > 0) {
      limits.push_back(absl::StrCat("accept ", failure_class, " ", accept->second));
    }
  }
  return absl::StrJoin(limits, ", ");
}

std::string WhyFailed(const v1::StressReport& report) {
  std::vector<std::string> reasons;
  if (const std::string broken = BrokenThresholds(report); !broken.empty()) {
    reasons.push_back(absl::StrCat("broken: ", broken));
  }
  if (const std::string limits = GeneratorLimits(report.total()); !limits.empty()) {
    reasons.push_back(absl::StrCat("the load generator reached its own limits: ", limits));
  }
  if (report.total().succeeded() == 0 && report.thresholds().empty()) {
    reasons.emplace_back("no operation succeeded");
  }
  if (!reasons.empty() && !report.failures().empty()) reasons.push_back(Missing(report));
  return absl::StrJoin(reasons, "; ");
}

}  // namespace

Verdict Judge(const VerdictFacts& facts, const v1::StressReport& report) {
  if (facts.interrupted) {
    return {"PARTIAL",
            absl::StrFormat("interrupted after %.1f of %.1f s", facts.elapsed_seconds,
                            facts.planned_seconds),
            kAborted};
  }
  if (!facts.not_started.empty()) {
    return {"INVALID", absl::StrCat("nothing ran: ", facts.not_started),
            NotStartedCode(facts, report)};
  }
  if (std::string off_start = OffStart(report); !off_start.empty()) {
    return {"INVALID", std::move(off_start), kPartial};
  }
  if (!facts.broken_identities.empty()) {
    return {"INVALID", absl::StrCat("counters do not add up: ", facts.broken_identities.front()),
            kCheckFailed};
  }
  if (report.total().attempted() == 0) {
    return {"INVALID", "nothing was attempted",
            report.failures().empty() ? kCheckFailed : kPartial};
  }
  if (std::string why_failed = WhyFailed(report); !why_failed.empty()) {
    return {"FAIL", std::move(why_failed), kCheckFailed};
  }
  if (!report.failures().empty()) return {"PARTIAL", Missing(report), kPartial};
  return {"PASS",
          report.thresholds().empty() ? "every agent finished"
                                      : "every agent finished, every threshold held",
          kOk};
}

}  // namespace tcpfleet::controller
