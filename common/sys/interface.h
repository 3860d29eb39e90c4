#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

namespace tcpfleet::sys {

// Index of a network interface of the calling thread's network namespace. NotFound when there is
// none of that name. Source: if_nametoindex(3).
absl::StatusOr<uint32_t> InterfaceIndex(const std::string& name);

}  // namespace tcpfleet::sys
