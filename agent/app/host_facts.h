#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "tcpfleet/v1/host.pb.h"

namespace tcpfleet::agent {

// The part of Describe that does not change while the agent runs: name, version, kernel, boot id,
// namespace, CPUs. `name` empty means the host name.
absl::StatusOr<v1::DescribeResponse> ReadHostFacts(const std::string& name);

}  // namespace tcpfleet::agent
