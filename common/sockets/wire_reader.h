// Walks protobuf's wire format in place. ConnectionRows comes from peers and files nobody vouches
// for, and a message of 64 MiB parsed into objects can take gigabytes; this reader allocates
// nothing.
//
// Source: https://protobuf.dev/programming-guides/encoding
#pragma once

#include <absl/strings/string_view.h>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tcpfleet::sockets {

class WireReader {
 public:
  explicit WireReader(absl::string_view bytes) : rest_(bytes) {}

  struct Record {
    uint32_t field = 0;
    bool has_bytes = false;   // false: a number, in `number`
    absl::string_view bytes;  // valid as long as the input
    uint64_t number = 0;
  };
  // The next field; nothing at the end, and at the first malformed one, which ok() tells apart.
  std::optional<Record> Next();
  bool ok() const { return ok_; }

 private:
  absl::string_view rest_;
  bool ok_ = true;
};

// Takes one varint off the front of `bytes`; nothing when there is no whole one.
std::optional<uint64_t> TakeLongVarint(absl::string_view& bytes);
inline std::optional<uint64_t> TakeVarint(absl::string_view& bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  if (!bytes.empty() && byte(0) < 0x80) {
    const uint64_t value = byte(0);
    bytes.remove_prefix(1);
    return value;
  }
  if (bytes.size() >= 2 && byte(1) < 0x80) {
    const uint64_t value = (byte(0) & 0x7fU) | static_cast<uint64_t>(byte(1)) << 7;
    bytes.remove_prefix(2);
    return value;
  }
  return TakeLongVarint(bytes);
}

constexpr uint64_t UnZigzag(uint64_t value) { return (value >> 1) ^ (0 - (value & 1)); }

// How many varints `bytes` holds; nothing when it is not a whole number of them.
std::optional<size_t> CountVarints(absl::string_view bytes);

}  // namespace tcpfleet::sockets
