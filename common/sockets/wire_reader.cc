#include "common/sockets/wire_reader.h"

#include <bit>
#include <cstring>

namespace tcpfleet::sockets {
namespace {

constexpr size_t kLongestVarint = 10;

enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

}  // namespace

std::optional<uint64_t> TakeLongVarint(absl::string_view& bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size() && i < kLongestVarint; ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    value |= uint64_t{byte & 0x7fu} << (7 * i);
    if ((byte & 0x80) == 0) {
      bytes.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

std::optional<WireReader::Record> WireReader::Next() {
  if (rest_.empty()) return std::nullopt;
  ok_ = false;
  const std::optional<uint64_t> tag = TakeVarint(rest_);
  if (!tag || *tag >> 3 == 0 || *tag > UINT32_MAX) return std::nullopt;
  Record record{.field = static_cast<uint32_t>(*tag >> 3), .bytes = {}};
  const uint64_t type = *tag & 7;
  if (type == kVarint) {
    const std::optional<uint64_t> number = TakeVarint(rest_);
    if (!number) return std::nullopt;
    record.number = *number;
  } else {
    std::optional<uint64_t> length = type == kFixed64   ? 8
                                     : type == kFixed32 ? 4
                                     : type == kBytes   ? TakeVarint(rest_)
                                                        : std::nullopt;
    if (!length || *length > rest_.size()) return std::nullopt;
    record.has_bytes = type == kBytes;
    record.bytes = rest_.substr(0, *length);
    rest_.remove_prefix(*length);
  }
  ok_ = true;
  return record;
}

std::optional<size_t> CountVarints(absl::string_view bytes) {
  constexpr uint64_t kHighBits = 0x8080'8080'8080'8080;
  size_t count = 0;
  size_t begun = 0;  // bytes of a varint whose last one is still to come
  for (; bytes.size() >= sizeof(uint64_t); bytes.remove_prefix(sizeof(uint64_t))) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof(word));
    const uint64_t ends = ~word & kHighBits;
    begun += static_cast<size_t>(std::countr_zero(ends)) / 8;
    if (begun >= kLongestVarint) return std::nullopt;
    if (ends == 0) continue;
    count += static_cast<size_t>((ends >> 7) * 0x0101'0101'0101'0101 >> 56);
    begun = static_cast<size_t>(std::countl_zero(ends)) / 8;
  }
  for (const char byte : bytes) {
    if (static_cast<uint8_t>(byte) < 0x80) {
      ++count;
      begun = 0;
    } else if (++begun == kLongestVarint) {
      return std::nullopt;
    }
  }
  return begun == 0 ? std::optional<size_t>(count) : std::nullopt;
}

}  // namespace tcpfleet::sockets
