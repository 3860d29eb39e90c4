#include <bit>
#include <cstring>

#include "common/sockets/connection_sample.h"

namespace tcpfleet::sockets {
namespace {

// Where struct tcp_info keeps its fields. Numbers, not offsetof: the system header is older than
// the kernels we meet. Source: linux/tcp.h of 6.18; fields are only ever added at the end.
struct Place {
  Field field;
  uint16_t offset;
  uint8_t width;
};

constexpr std::array kPlaces = {
    Place{Field::kCaState, 1, 1},
    Place{Field::kRetransmits, 2, 1},
    Place{Field::kProbes, 3, 1},
    Place{Field::kBackoff, 4, 1},
    Place{Field::kOptions, 5, 1},
    Place{Field::kRto, 8, 4},
    Place{Field::kAto, 12, 4},
    Place{Field::kSndMss, 16, 4},
    Place{Field::kRcvMss, 20, 4},
    Place{Field::kUnacked, 24, 4},
    Place{Field::kSacked, 28, 4},
    Place{Field::kLost, 32, 4},
    Place{Field::kRetrans, 36, 4},
    Place{Field::kFackets, 40, 4},
    Place{Field::kLastDataSentAtMs, 44, 4},
    Place{Field::kLastAckSent, 48, 4},
    Place{Field::kLastDataRecvAtMs, 52, 4},
    Place{Field::kLastAckRecvAtMs, 56, 4},
    Place{Field::kPmtu, 60, 4},
    Place{Field::kRcvSsthresh, 64, 4},
    Place{Field::kRtt, 68, 4},
    Place{Field::kRttvar, 72, 4},
    Place{Field::kSndSsthresh, 76, 4},
    Place{Field::kSndCwnd, 80, 4},
    Place{Field::kAdvmss, 84, 4},
    Place{Field::kReordering, 88, 4},
    Place{Field::kRcvRtt, 92, 4},
    Place{Field::kRcvSpace, 96, 4},
    Place{Field::kTotalRetrans, 100, 4},
    Place{Field::kPacingRate, 104, 8},
    Place{Field::kMaxPacingRate, 112, 8},
    Place{Field::kBytesAcked, 120, 8},
    Place{Field::kBytesReceived, 128, 8},
    Place{Field::kSegsOut, 136, 4},
    Place{Field::kSegsIn, 140, 4},
    Place{Field::kNotsentBytes, 144, 4},
    Place{Field::kMinRtt, 148, 4},
    Place{Field::kDataSegsIn, 152, 4},
    Place{Field::kDataSegsOut, 156, 4},
    Place{Field::kDeliveryRate, 160, 8},
    Place{Field::kBusyTime, 168, 8},
    Place{Field::kRwndLimited, 176, 8},
    Place{Field::kSndbufLimited, 184, 8},
    Place{Field::kDelivered, 192, 4},
    Place{Field::kDeliveredCe, 196, 4},
    Place{Field::kBytesSent, 200, 8},
    Place{Field::kBytesRetrans, 208, 8},
    Place{Field::kDsackDups, 216, 4},
    Place{Field::kReordSeen, 220, 4},
    Place{Field::kRcvOoopack, 224, 4},
    Place{Field::kSndWnd, 228, 4},
    Place{Field::kRcvWnd, 232, 4},
    Place{Field::kRehash, 236, 4},
    Place{Field::kTotalRto, 240, 2},
    Place{Field::kTotalRtoRecoveries, 242, 2},
    Place{Field::kTotalRtoTime, 244, 4},
    Place{Field::kReceivedCe, 248, 4},
    Place{Field::kDeliveredE1Bytes, 252, 4},
    Place{Field::kDeliveredE0Bytes, 256, 4},
    Place{Field::kDeliveredCeBytes, 260, 4},
    Place{Field::kReceivedE1Bytes, 264, 4},
    Place{Field::kReceivedE0Bytes, 268, 4},
    Place{Field::kReceivedCeBytes, 272, 4},
    Place{Field::kAccecnFailMode, 276, 2},
    Place{Field::kAccecnOptSeen, 278, 2},
};
constexpr size_t kKnownBytes = 280;
static_assert(kPlaces.back().offset + kPlaces.back().width == kKnownBytes);

// Two bytes of bit fields, lowest bits first on little-endian machines.
constexpr size_t kWindowScales = 6;
constexpr size_t kFlags = 7;
static_assert(std::endian::native == std::endian::little);

template <class Integer>
uint64_t Load(const std::byte* at) {
  Integer value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

uint64_t LoadWidth(const std::byte* at, uint8_t width) {
  switch (width) {
    case 1:
      return Load<uint8_t>(at);
    case 2:
      return Load<uint16_t>(at);
    case 4:
      return Load<uint32_t>(at);
    default:
      return Load<uint64_t>(at);
  }
}

constexpr bool IsAgo(Field field) {
  return field == Field::kLastDataSentAtMs || field == Field::kLastDataRecvAtMs ||
         field == Field::kLastAckRecvAtMs;
}

}  // namespace

void ReadTcpInfoInto(absl::Span<const std::byte> raw, int64_t monotonic_ns,
                     ConnectionSample& sample) {
  const uint64_t now_ms = static_cast<uint64_t>(monotonic_ns) / 1'000'000;
  for (const Place& place : kPlaces) {
    if (place.offset + size_t{place.width} > raw.size()) break;
    const uint64_t value = LoadWidth(raw.data() + place.offset, place.width);
    if (!IsAgo(place.field)) {
      sample.values.Set(place.field, value);
    } else if (value <= now_ms) {  // before the boot: it never happened
      sample.values.Set(place.field, now_ms - value);
    }
  }
  if (raw.size() > kWindowScales) {
    const uint64_t scales = Load<uint8_t>(raw.data() + kWindowScales);
    sample.values.Set(Field::kSndWscale, scales & 0xf);
    sample.values.Set(Field::kRcvWscale, scales >> 4);
  }
  if (raw.size() > kFlags) {
    const uint64_t flags = Load<uint8_t>(raw.data() + kFlags);
    sample.values.Set(Field::kDeliveryRateAppLimited, flags & 1);
    sample.values.Set(Field::kFastopenClientFail, (flags >> 1) & 3);
  }
  sample.tcp_info_tail.clear();
  if (raw.size() > kKnownBytes) {
    const absl::Span<const std::byte> tail = raw.subspan(kKnownBytes);
    sample.tcp_info_tail.assign(reinterpret_cast<const char*>(tail.data()), tail.size());
  }
}

}  // namespace tcpfleet::sockets
