// Reads what OpenedColumns wrote, for input nobody vouches for.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "common/sockets/connection_sample.h"

namespace tcpfleet::sockets {

// Packed deltas of ascending rows below kMostRows.
absl::StatusOr<std::vector<uint32_t>> ReadRowDeltas(absl::string_view bytes);

// A serialized OpenedRows; ascending by row. DataLoss as FrameDecoder describes it.
absl::StatusOr<std::vector<std::pair<uint32_t, ConnectionIdentity>>> ReadOpenedRows(
    absl::string_view bytes);

}  // namespace tcpfleet::sockets
