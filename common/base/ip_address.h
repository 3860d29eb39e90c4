// IP addresses, endpoints and networks as values: parsed, compared, printed. Nothing is resolved
// here.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <array>
#include <compare>
#include <cstdint>
#include <string>

namespace tcpfleet::base {

class IpAddress {
 public:
  enum class Family : uint8_t { kV4, kV6 };

  // 0.0.0.0
  IpAddress() = default;
  static absl::StatusOr<IpAddress> Parse(absl::string_view text);
  // Network order; 4 or 16 bytes, anything else is InvalidArgument.
  static absl::StatusOr<IpAddress> FromBytes(absl::Span<const uint8_t> bytes);
  static IpAddress V4(const std::array<uint8_t, 4>& bytes);
  static IpAddress V6(const std::array<uint8_t, 16>& bytes);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::kV4; }
  // Network order; 4 or 16 bytes.
  absl::Span<const uint8_t> bytes() const { return {bytes_.data(), is_v4() ? 4u : 16u}; }
  // ::ffff:a.b.c.d becomes a.b.c.d; every other address stays.
  IpAddress Unmapped() const;
  // 127.0.0.0/8, also IPv4-mapped, and ::1.
  bool IsLoopback() const;
  // RFC 5952 text.
  std::string ToString() const;

  auto operator<=>(const IpAddress&) const = default;  // NOLINT(modernize-use-nullptr): clang 14

 private:
  Family family_ = Family::kV4;
  std::array<uint8_t, 16> bytes_{};  // IPv4 uses the first four, the rest is zero
};

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  // 198.18.0.1:80, [2001:db8::1]:80
  std::string ToString() const;
  auto operator<=>(const Endpoint&) const = default;  // NOLINT(modernize-use-nullptr): clang 14
};

absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text);

// HOST:PORT, [V6]:PORT, HOST alone when `default_port` is not 0. The host is not resolved.
struct HostPort {
  std::string host;
  uint16_t port = 0;

  std::string ToString() const;
  auto operator<=>(const HostPort&) const = default;
};
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text, uint16_t default_port);

// A CIDR network such as 10.0.0.0/8. A bare address is a network of one.
class IpNetwork {
 public:
  static absl::StatusOr<IpNetwork> Parse(absl::string_view text);
  // IPv4-mapped IPv6 addresses are looked up as IPv4.
  bool Contains(const IpAddress& address) const;
  std::string ToString() const;

 private:
  IpAddress address_;
  int prefix_length_ = 0;
};

}  // namespace tcpfleet::base
