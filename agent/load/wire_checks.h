#pragma once

#include <absl/status/status.h>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostDelimiterBytes = 1'024;
inline constexpr uint32_t kMostWriteBytes = 16u << 20;

// Checks what a StressSpec says of the bytes on the connections: requests, ends of responses,
// streams, and how our server treats them. InvalidArgument names the field and what would be right.
absl::Status CheckWire(const v1::StressSpec& spec);

}  // namespace tcpfleet::agent
