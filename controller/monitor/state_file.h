// Alerts from one monitor to the next, as protobuf-JSON in one file.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>

#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

// The whole state or, after an error, what was there before.
absl::Status WriteStateFile(const std::string& path, const v1::MonitorState& state);

// InvalidArgument "PATH: what is wrong"; at most kMostStateBytes.
inline constexpr size_t kMostStateBytes = size_t{256} << 20;
absl::StatusOr<v1::MonitorState> ReadStateFile(const std::string& path);

}  // namespace tcpfleet::controller
