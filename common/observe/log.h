#pragma once

#include <absl/status/status.h>

#include <string>

namespace tcpfleet::observe {

struct LogOptions {
  std::string level = "info";   // error, warn, info, debug
  std::string format = "text";  // text, json
};

// Makes spdlog's default logger write to stderr. InvalidArgument for an unknown level or format.
absl::Status SetUpLogging(const LogOptions& options);

}  // namespace tcpfleet::observe
