// Netlink messages and attributes as bytes: a builder for requests, bounded readers for answers.
//
// Source: netlink(7), linux/netlink.h. Values are copied with memcpy; nothing is cast, nothing
//         outside the input is read.
#pragma once

#include <absl/types/span.h>
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

namespace tcpfleet::netlink {

using Bytes = absl::Span<const std::byte>;

// The first bytes of `bytes` as a value; nothing when there are too few.
template <class Value>
std::optional<Value> Load(Bytes bytes) {
  static_assert(std::is_trivially_copyable_v<Value>);
  if (bytes.size() < sizeof(Value)) return std::nullopt;
  Value value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

template <class Value>
Bytes BytesOf(const Value& value) {
  static_assert(std::is_trivially_copyable_v<Value>);
  return {reinterpret_cast<const std::byte*>(&value), sizeof(value)};
}

// One request.
class MessageBuilder {
 public:
  MessageBuilder(uint16_t type, uint16_t flags);
  // The header of the family, right after the netlink header.
  void Append(Bytes bytes);
  void AddAttribute(uint16_t type, Bytes payload);
  // The finished message; valid until the next call.
  Bytes Finish(uint32_t sequence);

 private:
  nlmsghdr header_{};
  std::vector<std::byte> bytes_;
};

struct Message {
  uint16_t type = 0;
  uint16_t flags = 0;
  uint32_t sequence = 0;
  uint32_t port_id = 0;
  Bytes payload;
};

// Messages of one datagram.
class MessageReader {
 public:
  explicit MessageReader(Bytes datagram) : rest_(datagram) {}
  // Nothing at the end, and at the first message that does not fit, which ok() tells apart.
  std::optional<Message> Next();
  bool ok() const { return ok_; }

 private:
  Bytes rest_;
  bool ok_ = true;
};

struct Attribute {
  uint16_t type = 0;  // without the nested and byte-order flags
  Bytes payload;
};

class AttributeReader {
 public:
  explicit AttributeReader(Bytes attributes) : rest_(attributes) {}
  // As MessageReader::Next.
  std::optional<Attribute> Next();
  bool ok() const { return ok_; }

 private:
  Bytes rest_;
  bool ok_ = true;
};

}  // namespace tcpfleet::netlink
