// The order in which rows are opened. Neighbours that resemble each other make small frames, and
// row ids keep the order for every keyframe to come.
#pragma once

#include <absl/types/span.h>

#include <cstdint>
#include <vector>

#include "common/sockets/connection_sample.h"

namespace tcpfleet::sockets {

// Positions in `samples`, in the order to open them in: by service port; of one service all client
// ends, then all server ends, each by age. The server's is the end whose port more of them share;
// where both are as frequent, the lower port.
std::vector<uint32_t> OpeningOrder(absl::Span<const ConnectionSample* const> samples);

}  // namespace tcpfleet::sockets
