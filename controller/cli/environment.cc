#include "controller/cli/environment.h"

#include <cstdlib>

namespace tcpfleet::controller {

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): no setenv here
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

}  // namespace tcpfleet::controller
