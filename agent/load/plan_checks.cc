#include "agent/load/plan_checks.h"

#include <absl/strings/str_cat.h>

#include "agent/load/exemplars.h"
#include "agent/load/plan.h"
#include "agent/load/target_numbers.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

using S = v1::StressSpec;

constexpr double kHighestRate = 1e9;
constexpr uint64_t kMostSegments = 1'024;
constexpr uint64_t kMostStride = 65'536;
constexpr uint64_t kMostResets = 1'024;
constexpr uint64_t kLongestMs = 24 * 3'600'000;
constexpr uint64_t kMostOutstanding = 1u << 24;

// Written so that NaN is refused too.
absl::Status CheckRate(absl::string_view field, double rate) {
  if (rate >= 0 && rate <= kHighestRate) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", rate, ", it must be 0 (no rate) to ", kHighestRate));
}

absl::Status OnlyFor(absl::string_view field, bool given, bool fits, absl::string_view what) {
  if (!given || fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " is given, it belongs to ", what));
}

absl::Status CheckSegments(const S& spec) {
  TF_RETURN_IF_ERROR(CheckRange("number of rate_segments",
                                static_cast<uint64_t>(spec.rate_segments_size()), 0,
                                kMostSegments));
  bool all_zero = spec.rate_segments_size() > 0;
  for (const v1::RateSegment& segment : spec.rate_segments()) {
    TF_RETURN_IF_ERROR(
        CheckRange("duration_ms of a rate segment", segment.duration_ms(), 1, kLongestMs));
    TF_RETURN_IF_ERROR(CheckRate("from_per_second", segment.from_per_second()));
    TF_RETURN_IF_ERROR(CheckRate("to_per_second", segment.to_per_second()));
    if (segment.from_per_second() > 0 || segment.to_per_second() > 0) all_zero = false;
  }
  if (!all_zero) return absl::OkStatus();
  return absl::InvalidArgumentError("rate_segments have no rate above 0");
}

absl::Status CheckShare(const v1::ScheduleShare& share) {
  TF_RETURN_IF_ERROR(CheckRange("stride of schedule_share", share.stride(), 1, kMostStride));
  TF_RETURN_IF_ERROR(CheckRange("number of offsets of schedule_share",
                                static_cast<uint64_t>(share.offsets_size()), 1, share.stride()));
  for (int i = 0; i < share.offsets_size(); ++i) {
    const bool ascends = i == 0 || share.offsets(i) > share.offsets(i - 1);
    if (ascends && share.offsets(i) < share.stride()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "offset ", share.offsets(i),
        " of schedule_share: they must ascend and be below the stride of ", share.stride()));
  }
  return absl::OkStatus();
}

absl::Status CheckReconnect(const S& spec, bool keeps) {
  const v1::Reconnect& reconnect = spec.reconnect();
  if (!v1::Reconnect::Policy_IsValid(reconnect.policy())) {
    return absl::InvalidArgumentError(absl::StrCat("reconnect policy ", reconnect.policy(),
                                                   " is not known to this agent; it knows 0 to 2"));
  }
  TF_RETURN_IF_ERROR(OnlyFor("reconnect policy never",
                             reconnect.policy() == v1::Reconnect::POLICY_NEVER, keeps,
                             "rr, hold and stream"));
  if (reconnect.policy() != v1::Reconnect::POLICY_BACKOFF) return absl::OkStatus();
  TF_RETURN_IF_ERROR(CheckRange("most_ms of reconnect", reconnect.most_ms(), 1, kLongestMs));
  return CheckRange("first_ms of reconnect", reconnect.first_ms(), 1, reconnect.most_ms());
}

absl::Status CheckHeartbeat(const S& spec) {
  const bool holds = spec.workload() == S::WORKLOAD_HOLD;
  TF_RETURN_IF_ERROR(OnlyFor("heartbeat_ms", spec.heartbeat_ms() > 0, holds, "hold"));
  TF_RETURN_IF_ERROR(CheckRange("heartbeat_ms", spec.heartbeat_ms(), 0, kLongestMs));
  if (spec.dead_after_ms() == 0) return absl::OkStatus();
  TF_RETURN_IF_ERROR(
      OnlyFor("dead_after_ms", true, spec.heartbeat_ms() > 0, "hold with heartbeat_ms"));
  return CheckRange("dead_after_ms", spec.dead_after_ms(), spec.heartbeat_ms() + 1, kLongestMs);
}

}  // namespace

absl::Status CheckRange(absl::string_view field, uint64_t value, uint64_t low, uint64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", value, ", it must be ", low, " to ", high));
}

bool HasFleetSchedule(const S& spec) {
  return spec.rate_per_second() > 0 || spec.rate_segments_size() > 0;
}

absl::Status CheckSchedule(const S& spec) {
  TF_RETURN_IF_ERROR(CheckRate("rate_per_second", spec.rate_per_second()));
  TF_RETURN_IF_ERROR(CheckRate("rate_per_connection", spec.rate_per_connection()));
  TF_RETURN_IF_ERROR(CheckSegments(spec));
  if (spec.has_schedule_share()) {
    TF_RETURN_IF_ERROR(CheckShare(spec.schedule_share()));
  }
  if (!v1::Arrivals::Kind_IsValid(spec.arrivals().kind())) {
    return absl::InvalidArgumentError(absl::StrCat("arrivals kind ", spec.arrivals().kind(),
                                                   " is not known to this agent; it knows "
                                                   "constant (1) and exponential (2)"));
  }
  if (!S::Timer_IsValid(spec.timer())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "timer ", spec.timer(), " is not known to this agent; it knows eco (1) and precise (2)"));
  }
  const bool repeats = spec.workload() != S::WORKLOAD_HOLD && spec.workload() != S::WORKLOAD_STREAM;
  TF_RETURN_IF_ERROR(OnlyFor("rate_per_connection", spec.rate_per_connection() > 0,
                             repeats && !HasFleetSchedule(spec),
                             "connect, crr and rr without a rate of the fleet"));
  TF_RETURN_IF_ERROR(OnlyFor("herd_at_ms", spec.has_herd_at_ms(),
                             !HasFleetSchedule(spec) && spec.rate_per_connection() == 0,
                             "runs without a rate"));
  TF_RETURN_IF_ERROR(CheckRange("herd_at_ms", spec.herd_at_ms(), 0, kLongestMs));
  TF_RETURN_IF_ERROR(CheckRange("number of reset_at_ms",
                                static_cast<uint64_t>(spec.reset_at_ms_size()), 0, kMostResets));
  for (const uint64_t reset_ms : spec.reset_at_ms()) {
    TF_RETURN_IF_ERROR(CheckRange("reset_at_ms", reset_ms, 0, kLongestMs));
  }
  return absl::OkStatus();
}

absl::Status CheckConnectionLife(const S& spec) {
  const bool is_rr = spec.workload() == S::WORKLOAD_RR;
  const bool stays = spec.workload() == S::WORKLOAD_HOLD || spec.workload() == S::WORKLOAD_STREAM;
  TF_RETURN_IF_ERROR(CheckRange("pipeline", spec.pipeline(), 0, kMostPipeline));
  TF_RETURN_IF_ERROR(OnlyFor("pipeline", spec.pipeline() > 1, is_rr, "rr"));
  if (spec.pipeline() > 1) {
    TF_RETURN_IF_ERROR(CheckRange("pipeline times connections",
                                  uint64_t{spec.pipeline()} * spec.connections(), 1,
                                  kMostOutstanding));
  }
  const bool is_closed_loop = !HasFleetSchedule(spec) && spec.rate_per_connection() == 0;
  TF_RETURN_IF_ERROR(OnlyFor("think_time_us", spec.think_time_us() > 0,
                             is_closed_loop && !stays && spec.pipeline() <= 1,
                             "connect, crr and rr without a rate and without a pipeline"));
  TF_RETURN_IF_ERROR(CheckRange("think_time_us", spec.think_time_us(), 0, kLongestMs * 1'000));
  TF_RETURN_IF_ERROR(
      OnlyFor("lifetime_ms", spec.lifetime_ms() > 0, is_rr || stays, "rr, hold and stream"));
  TF_RETURN_IF_ERROR(CheckRange("lifetime_ms", spec.lifetime_ms(), 0, kLongestMs));
  TF_RETURN_IF_ERROR(
      OnlyFor("requests_per_connection", spec.requests_per_connection() > 0, is_rr, "rr"));
  TF_RETURN_IF_ERROR(CheckReconnect(spec, is_rr || stays));
  TF_RETURN_IF_ERROR(CheckHeartbeat(spec));
  TF_RETURN_IF_ERROR(CheckRange("exemplars", spec.exemplars(), 0, kMostExemplars));
  if (!spec.per_target()) return absl::OkStatus();
  return CheckRange("number of targets with per_target", static_cast<uint64_t>(spec.targets_size()),
                    1, kMostSingleTargets);
}

}  // namespace tcpfleet::agent
