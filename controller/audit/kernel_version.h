#pragma once

#include <absl/strings/string_view.h>

#include <array>
#include <cstdint>
#include <optional>

namespace tcpfleet::controller {

// The numbers at the beginning of "6.1.0-30-amd64" or "5.4"; missing ones are 0. Nothing when it
// does not begin with two numbers.
std::optional<std::array<uint32_t, 3>> ParseKernelVersion(absl::string_view text);

}  // namespace tcpfleet::controller
