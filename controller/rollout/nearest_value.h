#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "controller/audit/profile.h"

namespace tcpfleet::controller {

// The value a rule wants that is nearest to `value`, which is canonical: bounds move a number no
// further than to the bound, each number of a vector for itself. InvalidArgument says why there is
// none. Pure.
absl::StatusOr<std::string> NearestWanted(const Rule& rule, const std::string& value);

}  // namespace tcpfleet::controller
