#pragma once

#include <absl/status/statusor.h>

#include <string>

namespace tcpfleet::bench {

// The number at `key` of a JSON object, as tcpfleet-limit prints them. DataLoss without one.
absl::StatusOr<double> NumberIn(const std::string& json, const std::string& key);

}  // namespace tcpfleet::bench
