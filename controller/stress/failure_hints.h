#pragma once

#include <absl/strings/string_view.h>

#include <string>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::controller {

// What a failure class of stress.proto means and what helps against it; empty for errno names.
std::string FailureHint(absl::string_view failure_class, const v1::StressSpec& spec);

}  // namespace tcpfleet::controller
