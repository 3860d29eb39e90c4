// The files below /proc/sys, as the calling thread's network namespace has them.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <string>
#include <vector>

namespace tcpfleet::agent {

// More of one parameter is not read.
inline constexpr size_t kMostParameterBytes = 65'536;

// Keys (path form) of parameters, ascending, each once. A directory stands for all below it.
// `patterns` are keys, directories and glob patterns; those that name nothing are put into
// `unmatched`. Stops at `most` keys and counts the rest in `dropped`.
struct KeyList {
  std::vector<std::string> keys;
  std::vector<std::string> unmatched;
  uint64_t dropped = 0;
};
KeyList ListKeys(const std::string& root, absl::Span<const std::string> patterns, size_t most);

struct Parameter {
  absl::StatusOr<std::string> value;  // without the newline at its end
  bool writable = false;              // as its mode says
};
// Secrets are not read: PermissionDenied.
Parameter ReadParameter(const std::string& root, const std::string& key);

}  // namespace tcpfleet::agent
