// The files below /proc/sys, as the calling thread's network namespace has them.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <map>
#include <string>
#include <vector>

#include "common/sys/durable_directory.h"
#include "tcpfleet/v1/sysctl.pb.h"

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
bool IsSecret(absl::string_view key);

// One write(2), then read back: FailedPrecondition when something else is in force then. Whatever
// it returns, the value may have changed.
absl::Status WriteParameter(const std::string& root, const std::string& key,
                            const std::string& value, const sys::BeforeStep& before_step);

// Values of all parameters below net that can be written to and read, and of `others`.
struct ParameterValues {
  std::map<std::string, std::string> values;
  uint64_t dropped = 0;  // parameters beyond kMostTreeKeys
};
inline constexpr size_t kMostTreeKeys = 32'768;
ParameterValues ReadTree(const std::string& root, absl::Span<const std::string> others);

// Keys that stand in both with another value: old_value of `before`, new_value of `after`.
std::vector<v1::SysctlChange> Differences(const std::map<std::string, std::string>& before,
                                          const std::map<std::string, std::string>& after);

}  // namespace tcpfleet::agent
