#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/ip_address.h"
#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::agent {

// A ProbeRequest that was found good.
struct ProbePlan {
  std::string host;
  uint16_t port = 0;
  uint32_t count = 0;
  int64_t timeout_ns = 0;
  int64_t interval_ns = 0;
  std::optional<base::IpAddress::Family> family{};
  bool path_mtu = false;
};

// InvalidArgument names the field.
absl::StatusOr<ProbePlan> PlanProbe(const v1::ProbeRequest& request);

// InvalidArgument when a probe of so many addresses may take longer than an hour.
absl::Status CheckProbeTime(const ProbePlan& plan, size_t addresses);

}  // namespace tcpfleet::agent
