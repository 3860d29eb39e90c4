#pragma once

#include <absl/strings/string_view.h>

namespace tcpfleet::base {

// Version of this build, as in `project()`: "0.1.0".
absl::string_view Version();

}  // namespace tcpfleet::base
