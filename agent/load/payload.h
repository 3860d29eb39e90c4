#pragma once

#include <absl/types/span.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

// The next bytes of a message of which `left` bytes are still to be sent: zeros, one block at most.
inline absl::Span<const std::byte> PayloadBlock(size_t left) {
  static constexpr std::array<std::byte, 65536> kZeros{};
  return {kZeros.data(), std::min(left, kZeros.size())};
}

// Size of one write of a stream.
inline size_t StreamBlockBytes(const v1::StressSpec& spec) {
  constexpr size_t kDefault = 131'072;
  return spec.write_bytes() > 0 ? spec.write_bytes() : kDefault;
}

}  // namespace tcpfleet::agent
