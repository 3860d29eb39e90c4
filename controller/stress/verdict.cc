#include "controller/stress/verdict.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>

#include "common/base/units.h"
#include "controller/fleet/host_list.h"
#include "controller/stress/load_shape.h"
#include "controller/stress/options.h"

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

std::string Describe(const v1::ThresholdResult& broken) {
  return broken.has_observed()
             ? absl::StrCat(broken.expression(), " (observed ", broken.observed(), ")")
             : absl::StrCat(broken.expression(), " (nothing to observe)");
}

std::string BrokenThresholds(const v1::StressReport& report) {
  std::vector<std::string> broken;
  for (const v1::ThresholdResult& threshold : report.thresholds()) {
    if (!threshold.passed()) broken.push_back(Describe(threshold));
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

// Blocked agents, folded: "pre-flight check of a[1-2] (2): 28232 source ports ..."
std::string Blockers(const v1::StressReport& report) {
  std::vector<std::string> names;
  std::string first;
  for (const v1::RunResult& agent : report.agents()) {
    if (agent.blockers().empty()) continue;
    if (first.empty()) first = agent.blockers(0);
    if (std::find(names.begin(), names.end(), agent.name()) == names.end()) {
      names.push_back(agent.name());
    }
  }
  return absl::StrCat("the pre-flight check of ", FoldNames(names), " says it would break: ", first,
                      "; --force starts it anyway");
}

// A threshold on one of these numbers says itself how much was expected.
bool IsJudged(const v1::StressReport& report, std::initializer_list<absl::string_view> numbers) {
  for (const v1::ThresholdResult& threshold : report.thresholds()) {
    for (const absl::string_view number : numbers) {
      if (absl::StartsWith(threshold.expression(), number)) return true;
    }
  }
  return false;
}

// Connections or operations that were asked for and did not come about. What the run's end cut off
// is nobody's fault.
std::string Shortfall(const v1::StressReport& report) {
  constexpr double kEnough = 0.95;
  const v1::StressSpec& spec = report.run().spec();
  const v1::RunResult& total = report.total();
  const bool reopens = spec.lifetime_ms() > 0 || spec.requests_per_connection() > 0;
  const double wanted = spec.connections() * (reopens ? kEnough : 1.0);
  if (KeepsConnections(spec) && !ScheduledOperations(spec).has_value() &&
      static_cast<double>(total.active()) < wanted &&
      !IsJudged(report,
                {"active", "failed", "failedPercent", "connectionsLost", "connectionsDead"})) {
    return absl::StrCat(total.active(), " of ", spec.connections(), " connections were open");
  }
  std::optional<double> asked = ScheduledOperations(spec);
  if (!asked.has_value() ||
      IsJudged(report, {"ratePerSecond", "succeeded", "failed", "failedPercent"}))
    return "";
  // How many arrive at random in a given time is chance.
  if (spec.has_arrivals()) asked = static_cast<double>(total.attempted());
  const auto done = static_cast<double>(total.succeeded() + total.cancelled() + total.in_flight());
  if (done + 1 >= kEnough * *asked) return "";
  const double seconds = static_cast<double>(spec.duration_ms()) / 1e3;
  return absl::StrFormat("%.4g/s of %.4g/s", total.rate_per_second(), *asked / seconds);
}

std::string WhyFailed(const v1::StressReport& report) {
  std::vector<std::string> reasons;
  if (const std::string broken = BrokenThresholds(report); !broken.empty()) {
    reasons.push_back(absl::StrCat("broken: ", broken));
  }
  if (const std::string limits = GeneratorLimits(report.total()); !limits.empty()) {
    reasons.push_back(absl::StrCat("the load generator reached its own limits: ", limits));
  }
  // An agent that is missing says more than how late those that are left were.
  if (const std::string lateness = GeneratorLateness(report);
      !lateness.empty() && report.failures().empty()) {
    reasons.push_back(absl::StrCat("generator limited: ", lateness));
  }
  if (report.total().attempted() > 0 && report.total().succeeded() == 0 &&
      report.thresholds().empty()) {
    reasons.emplace_back("no operation succeeded");
  } else if (const std::string shortfall = Shortfall(report);
             !shortfall.empty() && report.failures().empty()) {
    reasons.push_back(absl::StrCat("short of what was asked: ", shortfall));
  }
  if (!reasons.empty() && !report.failures().empty()) reasons.push_back(Missing(report));
  return absl::StrJoin(reasons, "; ");
}

}  // namespace

std::string GeneratorLateness(const v1::StressReport& report) {
  constexpr double kLeastUs = 1'000;
  const auto explains = [](const v1::RunResult& result) {
    const double late_us = result.send_lateness_us().p99();
    return late_us >= kLeastUs && late_us * 2 >= result.response_latency_us().p99();
  };
  if (!explains(report.total())) return "";
  std::vector<std::string> names;
  for (const v1::RunResult& agent : report.agents()) {
    if (agent.role() == "client" && explains(agent)) names.push_back(agent.name());
  }
  return absl::StrCat("operations were started up to ",
                      base::FormatMicroseconds(report.total().send_lateness_us().p99()),
                      " late (p99), of a response p99 of ",
                      base::FormatMicroseconds(report.total().response_latency_us().p99()),
                      names.empty() ? "" : absl::StrCat(", on ", FoldNames(names)));
}

Verdict Judge(const VerdictFacts& facts, const v1::StressReport& report) {
  if (facts.interrupted) {
    return {"PARTIAL",
            absl::StrFormat("interrupted after %.1f of %.1f s", facts.elapsed_seconds,
                            facts.planned_seconds),
            kAborted};
  }
  if (facts.blocked) {
    return {"INVALID", absl::StrCat("nothing ran: ", Blockers(report)), kRefused};
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
  if (!facts.aborted_by.empty()) {
    std::vector<std::string> broken;
    for (const v1::ThresholdResult& threshold : facts.aborted_by) {
      broken.push_back(Describe(threshold));
    }
    return {"FAIL",
            absl::StrFormat("stopped after %.1f of %.1f s: broken: %s", facts.elapsed_seconds,
                            facts.planned_seconds, absl::StrJoin(broken, ", ")),
            kCheckFailed};
  }
  // Connections that stay may all have been opened in the warm-up.
  if (report.total().attempted() == 0 && report.total().active() == 0) {
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
