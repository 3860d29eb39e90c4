#pragma once

#include <absl/status/status.h>

namespace tcpfleet::tests {

// Makes this process root of a new user namespace, which lets it create network namespaces without
// being root outside. The process must still have one thread only. Source: user_namespaces(7).
absl::Status EnterUserNamespace();

}  // namespace tcpfleet::tests
