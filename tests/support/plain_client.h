#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>

#include "common/base/ip_address.h"
#include "common/sys/net_namespace.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::tests {

// A connected socket that blocks, at most `timeout` per call. `network`: where to connect from, if
// not here.
absl::StatusOr<sys::UniqueFd> ConnectTo(const base::Endpoint& to,
                                        const sys::NetNamespace* network = nullptr,
                                        absl::Duration timeout = absl::Seconds(20));

// Sends `bytes` bytes to an echo server and receives as many, `rounds` times.
absl::Status Exchange(int fd, size_t bytes, int rounds = 1);

}  // namespace tcpfleet::tests
