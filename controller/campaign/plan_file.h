// A run file: YAML whose keys are the options of `tcpfleet stress` without their dashes, and
// `workload`; a list where an option may be repeated, true or false where it takes no value.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <string>

#include "controller/campaign/given_options.h"

namespace tcpfleet::controller {

// InvalidArgument "PATH:LINE: what, what would be right".
absl::StatusOr<GivenOptions> ParsePlan(const std::string& path, absl::string_view content);

// The same of a file; also its read errors.
absl::StatusOr<GivenOptions> ReadPlan(const std::string& path);

}  // namespace tcpfleet::controller
