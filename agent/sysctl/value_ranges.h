// What a parameter may be set to. The kernel's own limits are not safety limits: it takes a
// FIN timeout of 0, unordered buffer sizes, and values that switch TCP features off for good.
//
// Source: Documentation/networking/ip-sysctl.rst, tcp(7), and values the kernel was seen to take.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <functional>
#include <string>

namespace tcpfleet::agent {

// What another parameter holds once all changes of the plan are made; empty when there is none.
using ValueAfter = std::function<std::string(const std::string& key)>;

// InvalidArgument when `value` is none for `key`, which now holds `current`: another number of
// elements, no number where there is one, out of our range, out of order, or at odds with what
// other parameters hold after the change.
absl::Status CheckRange(const std::string& key, const std::string& current,
                        const std::string& value, const ValueAfter& value_after);

}  // namespace tcpfleet::agent
