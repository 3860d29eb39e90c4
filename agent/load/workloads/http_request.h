// The bytes of requests for servers that are not ours.
#pragma once

#include <absl/status/status.h>

#include <string>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

// InvalidArgument names the part that would not make one request without a body.
absl::Status CheckHttpRequest(const v1::HttpRequest& request);

// What is sent to `target`: `http` or `request` of the spec; empty when it asks for request_bytes
// bytes of any content. `http` has passed CheckHttpRequest.
std::string RequestBytes(const v1::StressSpec& spec, const v1::Target& target);

}  // namespace tcpfleet::agent
