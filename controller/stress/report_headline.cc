// What was asked and what came about.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/time/time.h>

#include <algorithm>

#include "common/base/units.h"
#include "controller/cli/text.h"
#include "controller/stress/load_shape.h"
#include "controller/stress/options.h"
#include "controller/stress/report_sections.h"

namespace tcpfleet::controller {
namespace {

using Spec = v1::StressSpec;

constexpr size_t kMostNamedTargets = 8;

std::string Time(uint64_t ms) {
  return absl::FormatDuration(absl::Milliseconds(static_cast<int64_t>(ms)));
}

std::string PerSecond(double rate) { return absl::StrCat(base::FormatCount(rate), "/s"); }

absl::string_view CloseName(Spec::CloseMode mode) {
  switch (mode) {
    case Spec::CLOSE_MODE_FIN:
      return "fin";
    case Spec::CLOSE_MODE_SERVER_FIN:
      return "server-fin";
    default:
      return "rst";
  }
}

std::string Targets(const ReportPage& page) {
  std::vector<std::string> targets;
  for (const v1::Target& target : page.spec().targets()) {
    targets.push_back(absl::StrCat(target.host(), ":", target.port(),
                                   target.weight() > 0 ? absl::StrCat("*", target.weight()) : ""));
  }
  for (const v1::RunResult& agent : page.report.agents()) {
    if (agent.role() == "server") targets.push_back(agent.name());
  }
  if (targets.empty()) return "";
  const size_t more = targets.size() - std::min(targets.size(), kMostNamedTargets);
  targets.resize(targets.size() - more);
  return absl::StrCat(" to ", absl::StrJoin(targets, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

std::string Message(const Spec& spec) {
  if (spec.workload() == Spec::WORKLOAD_STREAM) {
    const absl::string_view direction = spec.direction() == Spec::DIRECTION_RECEIVE ? "receive"
                                        : spec.direction() == Spec::DIRECTION_BOTH
                                            ? "send and receive"
                                            : "send";
    return absl::StrCat(", ", direction, ", writes of ", spec.write_bytes(), " B");
  }
  if (!HasResponses(spec)) return "";
  if (spec.has_http()) return absl::StrCat(", GET ", spec.http().path());
  const size_t request = spec.request().empty() ? spec.request_bytes() : spec.request().size();
  return absl::StrCat(", request ", request, " B, response ",
                      spec.response_delimiter().empty() ? absl::StrCat(spec.response_bytes(), " B")
                                                        : "up to its delimiter");
}

std::string Segments(const Spec& spec) {
  std::vector<std::string> steps;
  uint64_t begin_ms = 0;
  for (const v1::RateSegment& segment : spec.rate_segments()) {
    if (begin_ms >= spec.warmup_ms()) {
      const double from = segment.from_per_second();
      const double to = segment.to_per_second();
      steps.push_back(from == to ? PerSecond(from)
                                 : absl::StrCat(PerSecond(from), " to ", PerSecond(to)));
    }
    begin_ms += segment.duration_ms();
  }
  return absl::StrJoin(steps, ", ");
}

std::string Rate(const Spec& spec) {
  std::string rate = !spec.rate_segments().empty() ? Segments(spec)
                     : spec.rate_per_second() > 0  ? PerSecond(spec.rate_per_second())
                     : spec.rate_per_connection() > 0
                         ? absl::StrCat(PerSecond(spec.rate_per_connection()), " each")
                         : "no rate limit";
  if (spec.has_arrivals()) {
    absl::StrAppend(&rate, " at random (seed ", spec.arrivals().seed(), ")");
  }
  return rate;
}

// What differs from connections that run through.
std::string Shape(const Spec& spec) {
  std::string shape;
  if (spec.has_herd_at_ms()) {
    absl::StrAppend(&shape, ", all at once at ", Time(spec.herd_at_ms() - spec.warmup_ms()));
  }
  for (const uint64_t moment_ms : spec.reset_at_ms()) {
    absl::StrAppend(&shape, ", all reset at ", Time(moment_ms - spec.warmup_ms()));
  }
  if (spec.pipeline() > 1) absl::StrAppend(&shape, ", pipeline ", spec.pipeline());
  if (spec.think_time_us() > 0) {
    absl::StrAppend(&shape, ", think time ",
                    base::FormatMicroseconds(static_cast<double>(spec.think_time_us())));
  }
  if (spec.lifetime_ms() > 0) absl::StrAppend(&shape, ", lifetime ", Time(spec.lifetime_ms()));
  if (spec.requests_per_connection() > 0) {
    absl::StrAppend(&shape, ", ", spec.requests_per_connection(), " requests per connection");
  }
  if (spec.heartbeat_ms() > 0) absl::StrAppend(&shape, ", heartbeat ", Time(spec.heartbeat_ms()));
  return shape;
}

void PrintRequested(const ReportPage& page) {
  const Spec& spec = page.spec();
  page.out << "\nrequested  " << CountText(spec.connections()) << " connections, " << Rate(spec)
           << Shape(spec) << ", " << Time(spec.duration_ms()) << " after "
           << (spec.warmup_ms() == 0 ? "no" : absl::StrCat(Time(spec.warmup_ms()), " of"))
           << " warm-up";
  if (spec.cooldown_ms() > 0) page.out << ", " << Time(spec.cooldown_ms()) << " of cool-down";
}

void PrintAchieved(const ReportPage& page) {
  const v1::RunResult& total = page.report.total();
  const Spec& spec = page.spec();
  page.out << "\nachieved   ";
  if (!page.was_measured()) {
    page.out << "nothing was measured\n\n";
    return;
  }
  // The others open and close between two reports: how many are open then says nothing.
  if (KeepsConnections(spec)) page.out << CountText(total.active()) << " connections at once, ";
  if (spec.workload() == Spec::WORKLOAD_STREAM) {
    page.out << BitRateText(total.bits_sent_per_second()) << " sent, "
             << BitRateText(total.bits_received_per_second()) << " received";
  } else {
    page.out << PerSecond(total.rate_per_second());
  }
  page.out << " over " << absl::StrFormat("%.1f s", total.measured_seconds());
  if (const auto asked = ScheduledOperations(spec); asked.has_value() && *asked > 0) {
    page.out << absl::StrFormat(", %.4g%% of the schedule",
                                100 * static_cast<double>(total.succeeded()) / *asked);
  }
  if (page.report.has_start_skew_us()) {
    page.out << ", start skew " << base::FormatMicroseconds(page.report.start_skew_us()) << " ± "
             << base::FormatMicroseconds(total.clock_uncertainty_us());
  }
  if (IsOpenLoop(spec)) {
    page.out << "\nloop       open: operations start on a schedule, and response counts from when "
                "they were due";
  } else if (spec.workload() != Spec::WORKLOAD_HOLD && spec.workload() != Spec::WORKLOAD_STREAM) {
    page.out << "\nloop       closed: the next operation waits for the one before";
  }
  page.out << "\n\n";
}

}  // namespace

void PrintHeadline(const ReportPage& page) {
  const std::string headline = absl::StrCat(WorkloadName(page.spec().workload()), Targets(page));
  page.out << Styled(Style::kBold, Printable(headline), page.color) << ", close "
           << CloseName(page.spec().close_mode()) << Printable(Message(page.spec()));
  PrintRequested(page);
  PrintAchieved(page);
}

}  // namespace tcpfleet::controller
