#include "controller/record/record_format.h"

#include <zlib.h>

namespace tcpfleet::controller {
namespace {

constexpr size_t kHeaderCrcAt = kRecordHeadBytes - 4;

uint32_t Crc(absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

void PutLittle(uint64_t value, size_t bytes, char* to) {
  for (size_t i = 0; i < bytes; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

uint64_t GetLittle(const char* from, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= uint64_t{static_cast<uint8_t>(from[i])} << (8 * i);
  return value;
}

void PutHeader(const RecordHead& header, char* to) {
  kRecordMagic.copy(to, kRecordMagic.size());
  PutLittle(static_cast<uint8_t>(header.type), 1, to + 4);
  PutLittle(header.flags, 1, to + 5);
  PutLittle(header.agent, 2, to + 6);
  PutLittle(static_cast<uint64_t>(header.unix_ns), 8, to + 8);
  PutLittle(header.payload_bytes, 4, to + 16);
  PutLittle(header.payload_crc, 4, to + 20);
  PutLittle(Crc({to, kHeaderCrcAt}), 4, to + kHeaderCrcAt);
}

}  // namespace

std::optional<RecordType> TypeOf(const v1::RecordingEntry& entry) {
  switch (entry.event_case()) {
    case v1::RecordingEntry::kHeader:
      return RecordType::kHeader;
    case v1::RecordingEntry::kUp:
      return RecordType::kUp;
    case v1::RecordingEntry::kFrame:
      return entry.frame().keyframe() ? RecordType::kKeyframe : RecordType::kFrame;
    case v1::RecordingEntry::kDown:
      return RecordType::kDown;
    case v1::RecordingEntry::EVENT_NOT_SET:
      break;
  }
  return std::nullopt;
}

void AppendRecord(const v1::RecordingEntry& entry, RecordType type, uint8_t flags,
                  std::string& out) {
  const size_t begin = out.size();
  out.resize(begin + kRecordHeadBytes);
  entry.AppendToString(&out);
  const absl::string_view payload = absl::string_view(out).substr(begin + kRecordHeadBytes);
  PutHeader({.type = type,
             .flags = flags,
             .agent = static_cast<uint16_t>(entry.agent()),
             .unix_ns = static_cast<int64_t>(entry.unix_ns()),
             .payload_bytes = static_cast<uint32_t>(payload.size()),
             .payload_crc = Crc(payload)},
            out.data() + begin);
}

std::optional<RecordHead> ParseRecordHead(absl::string_view bytes) {
  if (bytes.size() < kRecordHeadBytes) return std::nullopt;
  if (bytes.substr(0, kRecordMagic.size()) != kRecordMagic) return std::nullopt;
  const char* from = bytes.data();
  if (GetLittle(from + kHeaderCrcAt, 4) != Crc(bytes.substr(0, kHeaderCrcAt))) return std::nullopt;
  RecordHead header;
  header.type = static_cast<RecordType>(from[4]);
  header.flags = static_cast<uint8_t>(from[5]);
  header.agent = static_cast<uint16_t>(GetLittle(from + 6, 2));
  header.unix_ns = static_cast<int64_t>(GetLittle(from + 8, 8));
  header.payload_bytes = static_cast<uint32_t>(GetLittle(from + 16, 4));
  header.payload_crc = static_cast<uint32_t>(GetLittle(from + 20, 4));
  if (header.payload_bytes > kMostPayloadBytes || header.unix_ns < 0 ||
      header.unix_ns > kMostUnixNs) {
    return std::nullopt;
  }
  return header;
}

bool PayloadIsWhole(const RecordHead& header, absl::string_view payload) {
  return payload.size() == header.payload_bytes && Crc(payload) == header.payload_crc;
}

std::optional<v1::RecordingEntry> ParseEntry(const RecordHead& header, absl::string_view payload) {
  v1::RecordingEntry entry;
  if (!entry.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return std::nullopt;
  if (TypeOf(entry) != header.type || entry.agent() != header.agent ||
      static_cast<int64_t>(entry.unix_ns()) != header.unix_ns) {
    return std::nullopt;
  }
  return entry;
}

}  // namespace tcpfleet::controller
