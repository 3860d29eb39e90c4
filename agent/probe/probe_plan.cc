#include "agent/probe/probe_plan.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <algorithm>

#include "agent/load/plan_checks.h"
#include "agent/probe/path_mtu.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kMostHostBytes = 253;  // of a name in text: RFC 1035, 2.3.4
constexpr int64_t kNsPerMs = 1'000'000;
constexpr absl::Duration kMostTime = absl::Hours(1);

absl::Status CheckHost(const std::string& host) {
  TF_RETURN_IF_ERROR(CheckRange("length of host", host.size(), 1, kMostHostBytes));
  const bool is_text = std::all_of(host.begin(), host.end(), [](char letter) {
    return absl::ascii_isgraph(static_cast<unsigned char>(letter));
  });
  if (is_text) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "host has blanks, control characters or other than ASCII; it must be a name or an address");
}

}  // namespace

absl::StatusOr<ProbePlan> PlanProbe(const v1::ProbeRequest& request) {
  TF_RETURN_IF_ERROR(CheckHost(request.host()));
  TF_RETURN_IF_ERROR(CheckRange("port", request.port(), 1, 65535));
  TF_RETURN_IF_ERROR(CheckRange("count", request.count(), 1, 1'000));
  TF_RETURN_IF_ERROR(CheckRange("timeout_ms", request.timeout_ms(), 1, 60'000));
  TF_RETURN_IF_ERROR(CheckRange("interval_ms", request.interval_ms(), 0, 60'000));
  ProbePlan plan{.host = request.host(),
                 .port = static_cast<uint16_t>(request.port()),
                 .count = request.count(),
                 .timeout_ns = request.timeout_ms() * kNsPerMs,
                 .interval_ns = request.interval_ms() * kNsPerMs,
                 .path_mtu = request.path_mtu()};
  switch (request.family()) {
    case v1::ProbeRequest::FAMILY_UNSPECIFIED:
      break;
    case v1::ProbeRequest::FAMILY_IPV4:
      plan.family = base::IpAddress::Family::kV4;
      break;
    case v1::ProbeRequest::FAMILY_IPV6:
      plan.family = base::IpAddress::Family::kV6;
      break;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("family ", static_cast<int>(request.family()),
                       " is not known to this agent; it knows IPv4 (1) and IPv6 (2)"));
  }
  TF_RETURN_IF_ERROR(CheckProbeTime(plan, 1));
  return plan;
}

absl::Status CheckProbeTime(const ProbePlan& plan, size_t addresses) {
  const auto most_addresses = static_cast<int64_t>(addresses);
  const int64_t round_ns = std::max(plan.interval_ns, most_addresses * plan.timeout_ns);
  const absl::Duration time =
      plan.count * absl::Nanoseconds(round_ns) +
      (plan.path_mtu ? most_addresses * kMostPathMtuTime : absl::ZeroDuration());
  if (time <= kMostTime) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(plan.count, " tries of ", addresses, addresses == 1 ? " address" : " addresses",
                   " may take ", absl::FormatDuration(time), ", at most ",
                   absl::FormatDuration(kMostTime), ": lower count, timeout_ms or interval_ms"));
}

}  // namespace tcpfleet::agent
