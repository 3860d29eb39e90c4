#pragma once

#include <absl/types/span.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace tcpfleet::agent {

// The next bytes of a message of which `left` bytes are still to be sent: zeros, one block at most.
inline absl::Span<const std::byte> PayloadBlock(size_t left) {
  static constexpr std::array<std::byte, 65536> kZeros{};
  return {kZeros.data(), std::min(left, kZeros.size())};
}

}  // namespace tcpfleet::agent
