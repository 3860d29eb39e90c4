#include "common/base/ip_address.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"

namespace tcpfleet::base {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

absl::StatusOr<uint16_t> ParsePort(absl::string_view text) {
  uint32_t port = 0;
  if (!absl::SimpleAtoi(text, &port) || port == 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a port: it must be a number from 1 to 65535"));
  }
  return static_cast<uint16_t>(port);
}

}  // namespace

absl::StatusOr<IpAddress> IpAddress::Parse(absl::string_view text) {
  const std::string copy(text);
  const bool is_c_string = copy.find('\0') == std::string::npos;  // inet_pton would stop there
  IpAddress address;
  if (is_c_string && inet_pton(AF_INET, copy.c_str(), address.bytes_.data()) == 1) return address;
  address.family_ = Family::kV6;
  if (is_c_string && inet_pton(AF_INET6, copy.c_str(), address.bytes_.data()) == 1) return address;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not an IP address"));
}

absl::StatusOr<IpAddress> IpAddress::FromBytes(absl::Span<const uint8_t> bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) {
    return absl::InvalidArgumentError(
        absl::StrCat("an IP address has 4 or 16 bytes, not ", bytes.size()));
  }
  IpAddress address;
  address.family_ = bytes.size() == 4 ? Family::kV4 : Family::kV6;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::V4(const std::array<uint8_t, 4>& bytes) {
  IpAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::V6(const std::array<uint8_t, 16>& bytes) {
  IpAddress address;
  address.family_ = Family::kV6;
  address.bytes_ = bytes;
  return address;
}

IpAddress IpAddress::Unmapped() const {
  if (is_v4() || !std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin()))
    return *this;
  return V4({bytes_[12], bytes_[13], bytes_[14], bytes_[15]});
}

bool IpAddress::IsLoopback() const {
  if (!is_v4()) {
    constexpr std::array<uint8_t, 16> kOne{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return bytes_ == kOne || (Unmapped().is_v4() && Unmapped().IsLoopback());
  }
  return bytes_[0] == 127;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text, sizeof(text));
  return text;
}

std::string Endpoint::ToString() const {
  return address.is_v4() ? absl::StrCat(address.ToString(), ":", port)
                         : absl::StrCat("[", address.ToString(), "]:", port);
}

absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text) {
  TF_ASSIGN_OR_RETURN(const HostPort host_port, ParseHostPort(text, 0));
  TF_ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(host_port.host));
  return Endpoint{address, host_port.port};
}

std::string HostPort::ToString() const {
  return host.find(':') == std::string::npos ? absl::StrCat(host, ":", port)
                                             : absl::StrCat("[", host, "]:", port);
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text, uint16_t default_port) {
  const absl::Status bad = absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not HOST:PORT; write an IPv6 address as [2001:db8::1]:443"));
  absl::string_view host = text;
  absl::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos) return bad;
    host = text.substr(1, end - 1);
    if (!IpAddress::Parse(host).ok()) return bad;
    const absl::string_view rest = text.substr(end + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':') return bad;
    port = has_port ? rest.substr(1) : rest;
  } else if (std::count(text.begin(), text.end(), ':') <= 1) {
    const size_t colon = text.find(':');
    has_port = colon != absl::string_view::npos;
    host = text.substr(0, colon);
    port = has_port ? text.substr(colon + 1) : absl::string_view();
  } else if (!IpAddress::Parse(text).ok()) {
    return bad;
  }
  if (host.empty() || (!has_port && default_port == 0)) return bad;
  HostPort result{std::string(host), default_port};
  if (has_port) {
    TF_ASSIGN_OR_RETURN(result.port, ParsePort(port));
  }
  return result;
}

absl::StatusOr<IpNetwork> IpNetwork::Parse(absl::string_view text) {
  const size_t slash = text.find('/');
  TF_ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(text.substr(0, slash)));
  IpNetwork network;
  network.address_ = address;
  const int longest = address.is_v4() ? 32 : 128;
  network.prefix_length_ = longest;
  if (slash != absl::string_view::npos &&
      (!absl::SimpleAtoi(text.substr(slash + 1), &network.prefix_length_) ||
       network.prefix_length_ < 0 || network.prefix_length_ > longest)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a network: the prefix length must be 0 to ", longest));
  }
  return network;
}

bool IpNetwork::Contains(const IpAddress& address) const {
  const IpAddress plain = address.Unmapped();
  if (plain.family() != address_.family()) return false;
  const auto ours = address_.bytes();
  const auto theirs = plain.bytes();
  const size_t whole_bytes = static_cast<size_t>(prefix_length_) / 8;
  if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(whole_bytes),
                  theirs.begin())) {
    return false;
  }
  const int bits = prefix_length_ % 8;
  return bits == 0 || ((ours[whole_bytes] ^ theirs[whole_bytes]) >> (8 - bits)) == 0;
}

std::string IpNetwork::ToString() const {
  return absl::StrCat(address_.ToString(), "/", prefix_length_);
}

}  // namespace tcpfleet::base
