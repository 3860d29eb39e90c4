// Checks of the fields of a StressSpec that say when and how a client works.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <cstdint>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

// InvalidArgument names the field and what would be right.
absl::Status CheckRange(absl::string_view field, uint64_t value, uint64_t low, uint64_t high);

// A schedule of the fleet: rate_per_second or rate_segments.
bool HasFleetSchedule(const v1::StressSpec& spec);

// Rates, shares, arrivals, herd and resets.
absl::Status CheckSchedule(const v1::StressSpec& spec);

// Pipeline, think time, lifetimes, reconnection, heartbeats and what is reported of them.
absl::Status CheckConnectionLife(const v1::StressSpec& spec);

}  // namespace tcpfleet::agent
