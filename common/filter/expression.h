// What a filter says, after parsing: conditions joined by all and any. There is no node for `not`:
// it is moved into the conditions, where unknown stays unknown. So a filter is true exactly when it
// is true with every condition about something unknown counted as false.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/strings/string_view.h>
#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ip_address.h"
#include "common/filter/quantity.h"
#include "common/sockets/derived.h"
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

// state established
struct StateCondition {
  sockets::StateMask states = 0;
};

// sport >= :1024
struct PortCondition {
  Side side = Side::kSource;
  Comparison comparison = Comparison::kEqual;
  uint16_t port = 0;
};

// An IPv4 network also holds IPv4-mapped addresses of IPv6 sockets, an IPv6 network holds addresses
// of IPv6 sockets only, as in the kernel.
struct Network {
  base::IpAddress address;
  uint8_t prefix_length = 0;
};

// dst inet:10.0.0.0/8:443; an absent part is any. `family` is that of the socket.
struct HostCondition {
  Side side = Side::kSource;
  bool negated = false;
  std::optional<base::IpAddress::Family> family;
  std::optional<Network> network;
  std::optional<uint16_t> port;
};

// dev = eth0: the device a socket is bound to, 0 when it is not.
struct DeviceCondition {
  bool negated = false;
  std::optional<uint32_t> index;  // absent: the name was not resolved
  std::string name;
};

// fwmark = 0x1/0xff
struct MarkCondition {
  bool negated = false;
  uint32_t mark = 0;
  uint32_t mask = UINT32_MAX;
};

// autobound: the local port is of those the kernel chooses from.
struct AutoboundCondition {
  bool negated = false;
  uint16_t first = 0;
  uint16_t last = 0;
};

// rtt > 20ms; `value` is in the quantity's own unit.
struct NumberCondition {
  Quantity quantity;
  Comparison comparison = Comparison::kEqual;
  uint64_t value = 0;
};

// process = ng*, cgroup ~ "kubepods"
struct TextCondition {
  TextSource source = TextSource::kProcess;
  bool negated = false;
  bool is_search = false;            // of `pattern` anywhere, by `~`
  std::string pattern;               // `*` stands for anything unless it is a search
  std::shared_ptr<const RE2> regex;  // null: `pattern` is searched as it stands
};

// limited = receiver
struct LimitCondition {
  bool negated = false;
  sockets::Limit limit = sockets::Limit::kApplication;
};

using Condition =
    std::variant<StateCondition, PortCondition, HostCondition, DeviceCondition, MarkCondition,
                 AutoboundCondition, NumberCondition, TextCondition, LimitCondition>;

struct Expression {
  enum class Kind : uint8_t { kTrue, kFalse, kCondition, kAll, kAny };
  Kind kind = Kind::kTrue;
  Condition condition;            // of kCondition
  std::vector<Expression> parts;  // of kAll and kAny: at least two, none of the same kind
  int depth = 1;                  // levels of parts, itself included

  static Expression Of(Condition condition);
  static Expression Constant(bool value);
};

// Joined and simplified: constants are gone unless everything is one.
Expression AllOf(Expression a, Expression b);
Expression AnyOf(Expression a, Expression b);
Expression Not(Expression expression);
// `replace` says what stands in for a condition; simplified.
Expression Replaced(const Expression& expression,
                    absl::FunctionRef<Expression(const Condition&)> replace);

void ForEachCondition(const Expression& expression, absl::FunctionRef<void(const Condition&)> see);
size_t CountConditions(const Expression& expression);

// The text matches the condition's pattern, before negation.
bool MatchesText(const TextCondition& condition, absl::string_view text);

}  // namespace tcpfleet::filter
