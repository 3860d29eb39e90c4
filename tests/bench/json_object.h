#pragma once

#include <absl/status/statusor.h>

#include <string>

namespace tcpfleet::bench {

// The number at `path` of a JSON object: "port", or "end.sum_sent.bytes" within objects in it.
// DataLoss without one.
absl::StatusOr<double> NumberIn(const std::string& json, const std::string& path);

}  // namespace tcpfleet::bench
