#pragma once

#include <functional>
#include <optional>
#include <string>

namespace tcpfleet::controller {

// Value of an environment variable; nothing when it is not set. A function, so that tests own it.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

Environment ProcessEnvironment();

}  // namespace tcpfleet::controller
