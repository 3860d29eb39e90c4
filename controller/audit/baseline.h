// Files of `drift --save`: v1::DriftBaseline as protobuf-JSON.
//
// Bounds: kMostBaselineBytes to read.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <string>

#include "controller/audit/drift.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostBaselineBytes = size_t{256} << 20;

// Also what `sysctl get --output json` printed: it has no time and knows nothing of boots.
// InvalidArgument "PATH: ...": no such file, or a damaged one.
absl::StatusOr<Baseline> ReadBaseline(const std::string& path);

// Whether SaveBaseline will not replace anything else. FailedPrecondition.
absl::Status CheckBaselinePath(const std::string& path);

// The whole file or nothing of it.
absl::Status SaveBaseline(const std::string& path, absl::Time now,
                          absl::Span<const std::string> patterns,
                          absl::Span<const AuditedHost> hosts);

}  // namespace tcpfleet::controller
