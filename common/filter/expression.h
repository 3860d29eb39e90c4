// What a filter says, after parsing.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "common/base/ip_address.h"
#include "common/sockets/state_names.h"

namespace tcpfleet::filter {

enum class Side : uint8_t { kSource, kDestination };  // local and remote end
enum class Comparison : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual
};

// sport >= :1024
struct PortCondition {
  Side side;
  Comparison comparison;
  uint16_t port;
};

// dst 10.0.0.0/8:443; an absent part is any.
struct AddressCondition {
  Side side;
  bool negated;
  std::optional<base::IpNetwork> network;
  std::optional<uint16_t> port;
};

using Condition = std::variant<PortCondition, AddressCondition>;

// A connection in one of `states` for which every condition holds.
struct Expression {
  sockets::StateMask states = 0;
  std::vector<Condition> conditions;
};

}  // namespace tcpfleet::filter
