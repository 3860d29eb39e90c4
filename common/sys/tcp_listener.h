#pragma once

#include <absl/status/statusor.h>

#include <cstdint>

#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// A non-blocking listener on all addresses of both families, or of IPv4 alone where there is no
// IPv6. Port 0 lets the kernel pick; listeners of one user may share a port (SO_REUSEPORT). The
// kernel cuts `backlog` to net.core.somaxconn.
absl::StatusOr<UniqueFd> ListenTcp(uint16_t port, int backlog);

// The next connection, non-blocking and close-on-exec, or minus the errno; -EAGAIN when none waits.
int Accept(int listener);

}  // namespace tcpfleet::sys
