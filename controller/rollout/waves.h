#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tcpfleet::controller {

inline constexpr size_t kMostBatches = 1'000;

// Hosts of each wave, none of them empty: the canary first, then up to each batch's share of all
// hosts. InvalidArgument names the batch that is none, that descends, or that leaves hosts out.
// Pure.
absl::StatusOr<std::vector<size_t>> WaveSizes(size_t hosts, uint32_t canary,
                                              absl::Span<const std::string> batches);

// That each is "10%" or a number of hosts.
absl::Status CheckBatches(absl::Span<const std::string> batches);

}  // namespace tcpfleet::controller
