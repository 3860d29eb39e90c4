#pragma once

#include <absl/status/status.h>

namespace tcpfleet::tests {

// Moves the calling thread, and those it starts, into a new network namespace with a loopback that
// is up. PermissionDenied, and nothing changed, without CAP_SYS_ADMIN.
absl::Status EnterOwnNetwork();

}  // namespace tcpfleet::tests
