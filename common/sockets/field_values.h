// The values of one connection, packed: each field has as many bits as the kernel gives it.
#pragma once

#include <absl/types/span.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "common/sockets/field.h"

namespace tcpfleet::sockets {

// Bits `mask` << `shift` of the 8 bytes at `offset`, lowest byte first. No mask: no such field.
struct FieldPlace {
  uint16_t offset = 0;
  uint8_t shift = 0;
  uint64_t mask = 0;
};

// Every byte below is a place of struct tcp_info as the kernel lays it out, but for the moments and
// the bytes of the ones it gives as "ago", where three other fields live. Source: linux/tcp.h of
// 6.18; fields are only ever added at the end.
inline constexpr size_t kTcpInfoBytes = 280;
inline constexpr size_t kFieldBytes = 424;

namespace internal {

constexpr std::array<FieldPlace, kFieldSlots> MakeFieldPlaces() {
  std::array<FieldPlace, kFieldSlots> places{};
  size_t offset = 0;
  const auto put = [&](Field field, size_t bytes) {
    places[SlotOf(field)] = {static_cast<uint16_t>(offset), 0, ~uint64_t{0} >> (64 - 8 * bytes)};
    offset += bytes;
  };
  const auto put_bits = [&](Field field, unsigned shift, unsigned bits) {
    places[SlotOf(field)] = {static_cast<uint16_t>(offset), static_cast<uint8_t>(shift),
                             (uint64_t{1} << bits) - 1};
  };
  const auto put_all = [&](Field first, Field last, size_t bytes) {
    for (size_t slot = SlotOf(first); slot <= SlotOf(last); ++slot) {
      put(static_cast<Field>(slot), bytes);
    }
  };
  put(Field::kState, 1);
  put_all(Field::kCaState, Field::kOptions, 1);
  put_bits(Field::kSndWscale, 0, 4);
  put_bits(Field::kRcvWscale, 4, 4);
  ++offset;
  put_bits(Field::kDeliveryRateAppLimited, 0, 1);
  put_bits(Field::kFastopenClientFail, 1, 2);
  ++offset;
  put_all(Field::kRto, Field::kFackets, 4);
  put(Field::kReceiveQueue, 4);  // where tcp_info has last_data_sent,
  put(Field::kLastAckSent, 4);
  put(Field::kSendQueue, 4);  // last_data_recv
  put(Field::kMark, 4);       // and last_ack_recv
  put_all(Field::kPmtu, Field::kTotalRetrans, 4);
  put_all(Field::kPacingRate, Field::kBytesReceived, 8);
  put_all(Field::kSegsOut, Field::kDataSegsOut, 4);
  put_all(Field::kDeliveryRate, Field::kSndbufLimited, 8);
  put_all(Field::kDelivered, Field::kDeliveredCe, 4);
  put_all(Field::kBytesSent, Field::kBytesRetrans, 8);
  put_all(Field::kDsackDups, Field::kRehash, 4);
  put_all(Field::kTotalRto, Field::kTotalRtoRecoveries, 2);
  put_all(Field::kTotalRtoTime, Field::kReceivedCeBytes, 4);
  put_all(Field::kAccecnFailMode, Field::kAccecnOptSeen, 2);
  put_all(Field::kSkmemRmemAlloc, Field::kSkmemDrops, 4);
  put_all(Field::kAcceptQueue, Field::kBacklog, 4);
  put_all(Field::kBbrMinRtt, Field::kBbrCwndGain, 4);
  put_all(Field::kVegasEnabled, Field::kVegasMinrtt, 4);
  put_all(Field::kDctcpEnabled, Field::kDctcpCeState, 2);
  put_all(Field::kDctcpAlpha, Field::kDctcpAbTot, 4);
  put_all(Field::kTimer, Field::kTimer, 1);
  put_all(Field::kTimerRetransmits, Field::kShutdown, 1);
  put_all(Field::kTos, Field::kTclass, 1);
  put(Field::kV6only, 1);
  put(Field::kOpeningSeen, 1);
  ++offset;
  put(Field::kBbrBw, 8);
  put(Field::kTimerExpiresAtMs, 8);
  put(Field::kLastDataSentAtMs, 8);
  put(Field::kLastDataRecvAtMs, 8);
  put(Field::kLastAckRecvAtMs, 8);
  put(Field::kFirstSeenAtMs, 8);
  return places;
}

}  // namespace internal

inline constexpr std::array<FieldPlace, kFieldSlots> kFieldPlaces = internal::MakeFieldPlaces();
static_assert(kFieldPlaces[SlotOf(Field::kSkmemRmemAlloc)].offset == kTcpInfoBytes);
static_assert(kFieldPlaces[SlotOf(Field::kFirstSeenAtMs)].offset + 8 == kFieldBytes);
static_assert(std::endian::native == std::endian::little);

// Values by field; a field that is absent was not reported by the kernel, which is not the same as
// 0. A value wider than its field (a peer may send one) loses its upper bits, as in the kernel.
class FieldValues {
 public:
  bool Has(Field field) const { return present_[SlotOf(field)]; }
  // 0 when absent.
  uint64_t Get(Field field) const {
    const FieldPlace& place = kFieldPlaces[SlotOf(field)];
    return (Load(place.offset) >> place.shift) & place.mask;
  }
  std::optional<uint64_t> Find(Field field) const {
    return Has(field) ? std::optional<uint64_t>(Get(field)) : std::nullopt;
  }
  void Set(Field field, uint64_t value) {
    present_.set(SlotOf(field));
    Put(field, value);
  }
  void Erase(Field field) {
    present_.reset(SlotOf(field));
    Put(field, 0);
  }
  const FieldMask& present() const { return present_; }
  // Starts to load all values, or one.
  void Prefetch() const {
    for (size_t at = 0; at < sizeof(*this); at += 64) {
      __builtin_prefetch(reinterpret_cast<const char*>(this) + at);
    }
  }
  void Prefetch(Field field) const {
    __builtin_prefetch(bytes_.data() + kFieldPlaces[SlotOf(field)].offset);
  }

  // The fields of a tcp_info of any kernel: exactly those that lie whole within `raw`; other fields
  // of the structure must be absent before. Times given as "ago" become moments before
  // `monotonic_ns`. Does not touch kState, which the caller knows better.
  void SetTcpInfo(absl::Span<const std::byte> raw, int64_t monotonic_ns);

  bool operator==(const FieldValues&) const = default;

 private:
  friend FieldMask Differences(const FieldValues& a, const FieldValues& b);

  uint64_t Load(size_t offset) const {
    uint64_t word;
    std::memcpy(&word, bytes_.data() + offset, sizeof(word));
    return word;
  }
  void Put(Field field, uint64_t value) {
    const FieldPlace& place = kFieldPlaces[SlotOf(field)];
    const uint64_t word =
        (Load(place.offset) & ~(place.mask << place.shift)) | ((value & place.mask) << place.shift);
    std::memcpy(bytes_.data() + place.offset, &word, sizeof(word));
  }

  alignas(8) std::array<std::byte, kFieldBytes> bytes_{};  // 0 where absent
  FieldMask present_;
};

// Fields that one has and the other has not, or whose value differs.
FieldMask Differences(const FieldValues& a, const FieldValues& b);

// A field with a lower number whose value is mostly close to that of `field`; kState for none. Part
// of the frame format (v1::Column).
constexpr Field CompanionOf(Field field) {
  switch (field) {
    case Field::kLastDataRecvAtMs:
      return Field::kLastDataSentAtMs;
    case Field::kLastAckRecvAtMs:
      return Field::kLastDataRecvAtMs;
    case Field::kSegsIn:
      return Field::kSegsOut;
    case Field::kDataSegsOut:
      return Field::kDataSegsIn;
    case Field::kDelivered:
      return Field::kDataSegsOut;
    case Field::kBytesSent:
      return Field::kBytesAcked;
    case Field::kBbrBw:
      return Field::kDeliveryRate;
    case Field::kBbrMinRtt:
      return Field::kMinRtt;
    default:
      return Field::kState;
  }
}

// The kernel's "ago" and "in" values jitter: a moment of `now` within kMomentJitterMs of that in
// `before` is set to it.
inline constexpr int64_t kMomentJitterMs = 30;
void SteadyMoments(const FieldValues& before, FieldValues& now);

}  // namespace tcpfleet::sockets
