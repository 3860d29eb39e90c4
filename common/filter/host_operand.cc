#include "common/filter/host_operand.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <array>
#include <vector>

namespace tcpfleet::filter {
namespace {

using Family = base::IpAddress::Family;

absl::Status Malformed() {
  return absl::InvalidArgumentError(
      "an address such as 10.0.0.0/8, 10.1.2.3:443 or [2001:db8::1]:443");
}

// Decimal, or hexadecimal after 0x. A leading zero would be octal in ss and decimal elsewhere.
std::optional<uint32_t> ParseNumber(absl::string_view text) {
  uint32_t number = 0;
  if (absl::ConsumePrefix(&text, "0x")) {
    const bool is_hex = std::all_of(text.begin(), text.end(), [](char c) {
      return absl::ascii_isxdigit(static_cast<unsigned char>(c));
    });
    if (is_hex && absl::SimpleHexAtoi(text, &number)) return number;
    return std::nullopt;
  }
  const bool is_decimal = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!is_decimal || (text.size() > 1 && text[0] == '0') || !absl::SimpleAtoi(text, &number)) {
    return std::nullopt;
  }
  return number;
}

// Missing parts are zero: 10 is 10.0.0.0.
std::optional<base::IpAddress> ParseV4(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  std::array<uint8_t, 4> bytes{};
  if (parts.size() > bytes.size()) return std::nullopt;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::optional<uint32_t> part = ParseNumber(parts[i]);
    if (!part || *part > UINT8_MAX) return std::nullopt;
    bytes[i] = static_cast<uint8_t>(*part);
  }
  return base::IpAddress::V4(bytes);
}

std::optional<base::IpAddress> ParseAddress(absl::string_view text) {
  if (!absl::StrContains(text, ':')) return ParseV4(text);
  const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(text);
  return address.ok() ? std::optional(*address) : std::nullopt;
}

bool IsV6(absl::string_view text) {
  const std::optional<base::IpAddress> address = ParseAddress(text);
  return address && !address->is_v4();
}

// "8", or "255.0.0.0" for IPv4.
std::optional<uint8_t> ParsePrefix(absl::string_view text, Family family) {
  if (family == Family::kV4 && absl::StrContains(text, '.')) {
    const std::optional<base::IpAddress> mask = ParseV4(text);
    if (!mask) return std::nullopt;
    uint32_t bits = 0;
    for (const uint8_t byte : mask->bytes()) bits = bits << 8 | byte;
    const uint32_t zeros = ~bits;
    if ((zeros & (zeros + 1)) != 0) return std::nullopt;
    return static_cast<uint8_t>(__builtin_popcount(bits));
  }
  const std::optional<uint32_t> prefix = ParseNumber(text);
  if (!prefix || *prefix > (family == Family::kV4 ? 32u : 128u)) return std::nullopt;
  return static_cast<uint8_t>(*prefix);
}

struct Parts {
  absl::string_view host;  // with /PREFIX
  absl::string_view port;
};

// Without brackets, what stands behind the last colon is the port, unless only all of it makes an
// IPv6 address.
Parts SplitBare(absl::string_view text) {
  const size_t slash = text.find('/');
  const size_t colon = text.rfind(':');
  if (colon == text.npos || (slash != text.npos && colon < slash)) return {text, {}};
  const Parts split = {text.substr(0, colon), text.substr(colon + 1)};
  if (slash != text.npos || !absl::StrContains(split.host, ':')) return split;
  const bool has_port = IsV6(split.host) && (split.port == "*" || ParsePortNumber(split.port));
  return !has_port && IsV6(text) ? Parts{text, {}} : split;
}

// [HOST/PREFIX]:PORT or [HOST]/PREFIX:PORT; `whole` keeps host and prefix.
std::optional<Parts> SplitBracketed(absl::string_view text, std::string& whole) {
  const size_t end = text.find(']');
  if (end == text.npos) return std::nullopt;
  const absl::string_view rest = text.substr(end + 1);
  const size_t colon = rest.find(':');
  const absl::string_view between = rest.substr(0, colon);
  if (!between.empty() && between[0] != '/') return std::nullopt;
  whole.assign(text.data() + 1, end - 1);
  whole.append(between.data(), between.size());
  return Parts{whole, colon == rest.npos ? rest.substr(rest.size()) : rest.substr(colon + 1)};
}

}  // namespace

std::optional<uint16_t> ParsePortNumber(absl::string_view text) {
  const std::optional<uint32_t> port = ParseNumber(text);
  if (!port || *port > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

std::optional<Family> TakeFamily(absl::string_view& text) {
  if (absl::ConsumePrefix(&text, "inet:")) return Family::kV4;
  if (absl::ConsumePrefix(&text, "inet6:")) return Family::kV6;
  return std::nullopt;
}

absl::StatusOr<HostOperand> ParseHostOperand(absl::string_view text) {
  for (const absl::string_view other : {"unix:", "link:", "netlink:", "vsock:"}) {
    if (absl::StartsWith(text, other)) {
      return absl::InvalidArgumentError("an address of a TCP connection, inet: or inet6:");
    }
  }
  HostOperand operand;
  operand.family = TakeFamily(text);
  std::string whole;
  const std::optional<Parts> parts =
      absl::StartsWith(text, "[") ? SplitBracketed(text, whole) : SplitBare(text);
  if (!parts || text.empty()) return Malformed();
  if (parts->port != "*") operand.port = std::string(parts->port);
  for (const absl::string_view any : {"", "*", "any", "all", "default"}) {
    if (parts->host == any) return operand;
  }
  const size_t slash = parts->host.find('/');
  const std::optional<base::IpAddress> address = ParseAddress(parts->host.substr(0, slash));
  if (!address) {
    if (slash != absl::string_view::npos || absl::StrContains(parts->host, ':')) return Malformed();
    operand.name = std::string(parts->host);
    return operand;
  }
  if (operand.family && *operand.family != address->family()) {
    return absl::InvalidArgumentError(*operand.family == Family::kV4
                                          ? "an IPv4 address after inet:"
                                          : "an IPv6 address after inet6:");
  }
  const std::optional<uint8_t> prefix =
      slash == absl::string_view::npos
          ? std::optional<uint8_t>(address->is_v4() ? 32 : 128)
          : ParsePrefix(parts->host.substr(slash + 1), address->family());
  if (!prefix) return Malformed();
  operand.network = Network{*address, *prefix};
  return operand;
}

}  // namespace tcpfleet::filter
