#pragma once

#include <absl/status/statusor.h>

#include <cstdint>

#include "common/sys/unique_fd.h"

namespace tcpfleet::bench {

// Listens on 127.0.0.1, on a free port when `port` is 0, and prints {"port"}.
absl::StatusOr<sys::UniqueFd> Listen(uint16_t port);

}  // namespace tcpfleet::bench
