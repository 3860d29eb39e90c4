// ADDRESS[/PREFIX][:PORT] as ss(8) takes it, split and read.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>
#include <string>

#include "common/filter/expression.h"

namespace tcpfleet::filter {

struct HostOperand {
  std::optional<base::IpAddress::Family> family;  // of inet: and inet6:
  std::optional<Network> network;
  std::string name;  // where an address should be; empty: none
  std::string port;  // a number or a name; empty: any
};

// Also what ss takes besides: 10/8, 127.1, [2001:db8::/32]:443, ::1:80 (port 80), *, any.
// InvalidArgument says what an operand looks like.
absl::StatusOr<HostOperand> ParseHostOperand(absl::string_view text);

// 80, 0x50; nothing when it is no such number.
std::optional<uint16_t> ParsePortNumber(absl::string_view text);

// Takes "inet:" or "inet6:" from the front.
std::optional<base::IpAddress::Family> TakeFamily(absl::string_view& text);

}  // namespace tcpfleet::filter
