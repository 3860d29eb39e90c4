#include "agent/load/load_wish.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace tcpfleet::agent {
namespace {

using Spec = v1::StressSpec;

std::string Describe(const RunPlan& plan) {
  absl::string_view name = Spec::Workload_Name(plan.spec.workload());
  absl::ConsumePrefix(&name, "WORKLOAD_");
  return absl::StrCat(absl::AsciiStrToLower(name), plan.is_client ? " client" : " server", " with ",
                      plan.spec.connections(), " connections");
}

double OfWhatIsKnown(double rate) { return std::isfinite(rate) ? rate : 0; }

}  // namespace

double PeakRate(const Spec& spec) {
  double fleet = spec.rate_per_second();
  for (const v1::RateSegment& segment : spec.rate_segments()) {
    fleet = std::max({fleet, segment.from_per_second(), segment.to_per_second()});
  }
  if (spec.has_schedule_share()) {
    const v1::ScheduleShare& share = spec.schedule_share();
    fleet *= static_cast<double>(share.offsets_size()) / std::max(1u, share.stride());
  }
  const double rate = fleet + spec.rate_per_connection() * spec.connections();
  const bool is_closed_loop = spec.rate_per_second() == 0 && spec.rate_segments().empty() &&
                              spec.rate_per_connection() == 0;
  return is_closed_loop ? std::numeric_limits<double>::infinity() : rate;
}

double PeakConnectionRate(const Spec& spec) {
  switch (spec.workload()) {
    case Spec::WORKLOAD_CONNECT:
    case Spec::WORKLOAD_CRR:
      return PeakRate(spec);
    case Spec::WORKLOAD_RR:
      return spec.requests_per_connection() == 0 ? 0
                                                 : PeakRate(spec) / spec.requests_per_connection();
    default:
      return OfWhatIsKnown(PeakRate(spec));
  }
}

LoadWish WishOf(const RunPlan& plan) {
  LoadWish wish{.connections = plan.spec.connections(),
                .run_token = plan.spec.run_token(),
                .share_host = plan.spec.share_host(),
                .description = Describe(plan)};
  if (!plan.is_client) return wish;
  wish.rate_per_second = PeakRate(plan.spec);
  wish.new_connections_per_second = OfWhatIsKnown(PeakConnectionRate(plan.spec));
  const double request_bytes = plan.spec.request().empty()
                                   ? plan.spec.request_bytes()
                                   : static_cast<double>(plan.spec.request().size());
  if (plan.exchanges) {
    wish.bits_per_second = OfWhatIsKnown(wish.rate_per_second) * request_bytes * 8;
  }
  return wish;
}

}  // namespace tcpfleet::agent
