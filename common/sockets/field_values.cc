#include "common/sockets/field_values.h"

#include <algorithm>

namespace tcpfleet::sockets {
namespace {

constexpr size_t kWords = kFieldBytes / sizeof(uint64_t);
constexpr size_t kMostFieldsPerWord = 10;

struct WordFields {
  struct Part {
    uint8_t slot;
    uint64_t bits;
  };
  uint8_t count = 0;
  std::array<Part, kMostFieldsPerWord> parts{};
};

// Which fields lie in each word.
constexpr std::array<WordFields, kWords> kWordFields = [] {
  std::array<WordFields, kWords> words{};
  for (size_t slot = 0; slot < kFieldSlots; ++slot) {
    const FieldPlace& place = kFieldPlaces[slot];
    if (place.mask == 0) continue;
    WordFields& word = words[place.offset / 8u];
    word.parts[word.count++] = {static_cast<uint8_t>(slot),
                                place.mask << (place.shift + 8u * (place.offset % 8u))};
  }
  return words;
}();

constexpr std::array kMoments = {Field::kTimerExpiresAtMs, Field::kLastDataSentAtMs,
                                 Field::kLastDataRecvAtMs, Field::kLastAckRecvAtMs,
                                 Field::kFirstSeenAtMs};

constexpr size_t kLastDataSent = 44;
constexpr size_t kLastAckSent = 48;
constexpr size_t kLastDataRecv = 52;
constexpr size_t kLastAckRecv = 56;
constexpr size_t kPmtu = 60;
constexpr size_t kFlags = 7;
constexpr std::byte kKnownFlags{0x07};

bool IsOfTcpInfo(size_t slot) {
  return slot >= SlotOf(Field::kCaState) && slot <= SlotOf(Field::kAccecnOptSeen);
}

// What a tcp_info of some length holds: bytes up to the end of the last whole field.
struct Extent {
  size_t bytes = 0;
  FieldMask fields;
};

std::array<Extent, kTcpInfoBytes + 1> MakeExtents() {
  std::array<Extent, kTcpInfoBytes + 1> extents;
  for (size_t slot = 0; slot < kFieldSlots; ++slot) {
    if (!IsOfTcpInfo(slot)) continue;
    const auto field = static_cast<Field>(slot);
    const FieldPlace& place = kFieldPlaces[slot];
    size_t end = place.offset + (static_cast<size_t>(std::bit_width(place.mask)) + 7) / 8;
    if (field == Field::kLastDataSentAtMs) end = kLastDataSent + 4;
    if (field == Field::kLastDataRecvAtMs) end = kLastDataRecv + 4;
    if (field == Field::kLastAckRecvAtMs) end = kLastAckRecv + 4;
    for (size_t length = end; length < extents.size(); ++length) {
      extents[length].fields.set(slot);
      extents[length].bytes = std::max(extents[length].bytes, end);
    }
  }
  return extents;
}

}  // namespace

FieldMask Differences(const FieldValues& a, const FieldValues& b) {
  FieldMask different = a.present_ ^ b.present_;
  for (size_t i = 0; i < kWords; ++i) {
    const uint64_t difference = a.Load(8 * i) ^ b.Load(8 * i);
    if (difference == 0) continue;
    const WordFields& word = kWordFields[i];
    for (size_t part = 0; part < word.count; ++part) {
      if ((difference & word.parts[part].bits) != 0) different.set(word.parts[part].slot);
    }
  }
  return different;
}

void SteadyMoments(const FieldValues& before, FieldValues& now) {
  for (const Field field : kMoments) {
    if (!before.Has(field) || !now.Has(field)) continue;
    const auto moved = static_cast<int64_t>(now.Get(field) - before.Get(field));
    if (moved >= -kMomentJitterMs && moved <= kMomentJitterMs) now.Set(field, before.Get(field));
  }
}

void FieldValues::SetTcpInfo(absl::Span<const std::byte> raw, int64_t monotonic_ns) {
  static const std::array<Extent, kTcpInfoBytes + 1> extents = MakeExtents();
  const Extent& extent = extents[std::min(raw.size(), kTcpInfoBytes)];
  const auto copy = [&](size_t begin, size_t end) {
    end = std::min(end, extent.bytes);
    if (begin < end) std::memcpy(bytes_.data() + begin, raw.data() + begin, end - begin);
  };
  copy(1, kLastDataSent);
  copy(kLastAckSent, kLastDataRecv);
  copy(kPmtu, kTcpInfoBytes);
  bytes_[kFlags] &= kKnownFlags;
  present_ |= extent.fields;

  const uint64_t now_ms = static_cast<uint64_t>(monotonic_ns) / 1'000'000;
  const auto set_moment = [&](Field field, size_t offset) {
    if (!extent.fields[SlotOf(field)]) return;
    uint32_t ago_ms;
    std::memcpy(&ago_ms, raw.data() + offset, sizeof(ago_ms));
    if (ago_ms <= now_ms) {
      Set(field, now_ms - ago_ms);
    } else {  // before the boot: it never happened
      Erase(field);
    }
  };
  set_moment(Field::kLastDataSentAtMs, kLastDataSent);
  set_moment(Field::kLastDataRecvAtMs, kLastDataRecv);
  set_moment(Field::kLastAckRecvAtMs, kLastAckRecv);
}

}  // namespace tcpfleet::sockets
