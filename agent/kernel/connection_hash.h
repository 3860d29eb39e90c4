// Which of many connections are looked at: those with the smallest hashes of their cookies, so that
// every look has the same ones.
#pragma once

#include <cstdint>

namespace tcpfleet::agent {

// The same in every process. Source: the finalizer of SplitMix64.
inline uint32_t ConnectionHash(uint64_t cookie) {
  cookie = (cookie ^ cookie >> 30) * 0xbf58476d1ce4e5b9;
  cookie = (cookie ^ cookie >> 27) * 0x94d049bb133111eb;
  return static_cast<uint32_t>((cookie ^ cookie >> 31) >> 32);
}

}  // namespace tcpfleet::agent
