// Writes protobuf's wire format: what the columns of a frame consist of, without building messages
// of them first. Source: https://protobuf.dev/programming-guides/encoding
#pragma once

#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>

namespace tcpfleet::sockets {

inline void AppendVarint(uint64_t value, std::string& out) {
  if (value < 0x80) {
    out.push_back(static_cast<char>(value));
    return;
  }
  char bytes[10];
  size_t size = 0;
  while (value >= 0x80) {
    bytes[size++] = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  bytes[size++] = static_cast<char>(value);
  out.append(bytes, size);
}

constexpr uint64_t Zigzag(uint64_t value) { return (value << 1) ^ (0 - (value >> 63)); }

inline void AppendNumberField(int field, uint64_t value, std::string& out) {
  AppendVarint(static_cast<uint64_t>(field) << 3, out);
  AppendVarint(value, out);
}

inline void AppendBytesField(int field, absl::string_view bytes, std::string& out) {
  AppendVarint(static_cast<uint64_t>(field) << 3 | 2, out);
  AppendVarint(bytes.size(), out);
  out.append(bytes.data(), bytes.size());
}

}  // namespace tcpfleet::sockets
