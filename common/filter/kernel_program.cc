#include "common/filter/kernel_program.h"

#include <linux/inet_diag.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <optional>
#include <utility>

namespace tcpfleet::filter {
namespace {

using Family = base::IpAddress::Family;
using Kind = Expression::Kind;

// The kernel takes every IPv4-mapped IPv6 socket for one of an IPv4 network, so a condition with
// inet: also says that the socket is none of IPv6.
Expression Lower(HostCondition condition) {
  const bool wants_v4 = condition.family == Family::kV4;
  const bool negated = std::exchange(condition.negated, false);
  if (wants_v4) condition.family.reset();
  Expression lowered = Expression::Of(condition);
  if (wants_v4) {
    const HostCondition is_v6{
        .side = condition.side, .negated = true, .family = Family::kV6, .network = {}, .port = {}};
    const bool is_anything = !condition.network && !condition.port;
    lowered = is_anything ? Expression::Of(is_v6) : AllOf(lowered, Expression::Of(is_v6));
  }
  return negated ? Not(std::move(lowered)) : lowered;
}

// The kernel compares ports with >= and <= only; `port` may be one beyond their range.
Expression AtLeast(Side side, int port) {
  if (port <= 0) return Expression::Constant(true);
  if (port > UINT16_MAX) return Expression::Constant(false);
  return Expression::Of(
      PortCondition{side, Comparison::kGreaterOrEqual, static_cast<uint16_t>(port)});
}
Expression AtMost(Side side, int port) {
  if (port < 0) return Expression::Constant(false);
  if (port >= UINT16_MAX) return Expression::Constant(true);
  return Expression::Of(PortCondition{side, Comparison::kLessOrEqual, static_cast<uint16_t>(port)});
}

Expression Lower(const PortCondition& condition) {
  const uint16_t port = condition.port;
  switch (condition.comparison) {
    case Comparison::kEqual:
    case Comparison::kNotEqual:
      return Expression::Of(HostCondition{.side = condition.side,
                                          .negated = condition.comparison == Comparison::kNotEqual,
                                          .family = {},
                                          .network = {},
                                          .port = port});
    case Comparison::kLess:
      return AtMost(condition.side, port - 1);
    case Comparison::kLessOrEqual:
      return AtMost(condition.side, port);
    case Comparison::kGreater:
      return AtLeast(condition.side, port + 1);
    case Comparison::kGreaterOrEqual:
      break;
  }
  return AtLeast(condition.side, port);
}

Expression Lower(const DeviceCondition& condition) {
  return condition.index ? Expression::Of(condition) : Expression::Constant(true);
}
Expression Lower(const AutoboundCondition& condition) {
  if (condition.negated) {
    return AnyOf(AtMost(Side::kSource, condition.first - 1),
                 AtLeast(Side::kSource, condition.last + 1));
  }
  return AllOf(AtLeast(Side::kSource, condition.first), AtMost(Side::kSource, condition.last));
}
// Marks are told to CAP_NET_ADMIN only, cgroups only since 5.7.
template <class Other>
Expression Lower(const Other&) {
  return Expression::Constant(true);
}

class Assembler {
 public:
  // Nothing when the program gets too long.
  std::optional<std::vector<std::byte>> Assemble(const Expression& part);

 private:
  using Label = size_t;  // into targets_
  static constexpr Label kAccept = 0;
  static constexpr Label kReject = 1;
  struct Jump {
    size_t instruction;  // where it starts
    Label label;
  };

  Label NewLabel() {
    targets_.push_back(0);
    return targets_.size() - 1;
  }
  void Place(Label label) { targets_[label] = program_.size(); }

  // Goes on behind itself or to one of the labels; `next` is the label that will be placed there.
  void Emit(const Expression& part, Label on_true, Label on_false, Label next);
  void EmitTest(const Condition& condition, Label on_false);
  void EmitInstruction(uint8_t code, absl::Span<const std::byte> operand, Label on_false);

  std::vector<std::byte> program_;
  std::vector<Jump> jumps_;
  std::vector<size_t> targets_ = {0, 0};  // offsets, by label
};

void Assembler::EmitInstruction(uint8_t code, absl::Span<const std::byte> operand, Label on_false) {
  const size_t size = sizeof(inet_diag_bc_op) + operand.size();
  const inet_diag_bc_op op{.code = code, .yes = static_cast<uint8_t>(size), .no = 0};
  jumps_.push_back({program_.size(), on_false});
  const auto* bytes = reinterpret_cast<const std::byte*>(&op);
  program_.insert(program_.end(), bytes, bytes + sizeof(op));
  program_.insert(program_.end(), operand.begin(), operand.end());
}

bool IsNegated(const Condition& condition) {
  const auto* host = std::get_if<HostCondition>(&condition);
  const auto* device = std::get_if<DeviceCondition>(&condition);
  return (host != nullptr && host->negated) || (device != nullptr && device->negated);
}

template <class Value>
absl::Span<const std::byte> BytesOf(const Value& value) {
  return {reinterpret_cast<const std::byte*>(&value), sizeof(value)};
}

std::vector<std::byte> HostOperandOf(const HostCondition& condition) {
  inet_diag_hostcond operand{};
  operand.port = condition.port ? *condition.port : -1;
  operand.family = condition.family ? AF_INET6 : AF_UNSPEC;
  absl::Span<const uint8_t> address;
  constexpr std::array<uint8_t, 16> kAnyV6{};
  if (condition.network) {
    operand.family = condition.network->address.is_v4() ? AF_INET : AF_INET6;
    operand.prefix_len = condition.network->prefix_length;
    address = condition.network->address.bytes();
  } else if (condition.family) {
    address = kAnyV6;
  }
  std::vector<std::byte> bytes(BytesOf(operand).begin(), BytesOf(operand).end());
  for (const uint8_t byte : address) bytes.push_back(std::byte{byte});
  return bytes;
}

void Assembler::EmitTest(const Condition& condition, Label on_false) {
  if (const auto* host = std::get_if<HostCondition>(&condition)) {
    EmitInstruction(host->side == Side::kSource ? INET_DIAG_BC_S_COND : INET_DIAG_BC_D_COND,
                    HostOperandOf(*host), on_false);
  } else if (const auto* device = std::get_if<DeviceCondition>(&condition)) {
    EmitInstruction(INET_DIAG_BC_DEV_COND, BytesOf(*device->index), on_false);
  } else if (const auto* port = std::get_if<PortCondition>(&condition)) {
    const bool is_floor = port->comparison == Comparison::kGreaterOrEqual;
    const uint8_t code = port->side == Side::kSource
                             ? (is_floor ? INET_DIAG_BC_S_GE : INET_DIAG_BC_S_LE)
                             : (is_floor ? INET_DIAG_BC_D_GE : INET_DIAG_BC_D_LE);
    const inet_diag_bc_op operand{.code = 0, .yes = 0, .no = port->port};
    EmitInstruction(code, BytesOf(operand), on_false);
  }
}

void Assembler::Emit(const Expression& part, Label on_true, Label on_false, Label next) {
  if (program_.size() > kMostProgramBytes) return;
  if (part.kind == Kind::kCondition) {
    const bool negated = IsNegated(part.condition);
    const Label on_hit = negated ? on_false : on_true;
    EmitTest(part.condition, negated ? on_true : on_false);
    if (on_hit != next) EmitInstruction(INET_DIAG_BC_JMP, {}, on_hit);
    return;
  }
  for (const Expression& one : part.parts) {
    const bool is_last = &one == &part.parts.back();
    const Label behind = is_last ? next : NewLabel();
    if (part.kind == Kind::kAll) {
      Emit(one, is_last ? on_true : behind, on_false, behind);
    } else {
      Emit(one, on_true, is_last ? on_false : behind, behind);
    }
    if (!is_last) Place(behind);
  }
}

std::optional<std::vector<std::byte>> Assembler::Assemble(const Expression& part) {
  if (part.kind == Kind::kFalse) {
    EmitInstruction(INET_DIAG_BC_JMP, {}, kReject);
  } else {
    Emit(part, kAccept, kReject, kAccept);
  }
  if (program_.size() > kMostProgramBytes) return std::nullopt;
  targets_[kAccept] = program_.size();
  targets_[kReject] = program_.size() + sizeof(inet_diag_bc_op);
  for (const Jump& jump : jumps_) {
    const auto distance = static_cast<uint16_t>(targets_[jump.label] - jump.instruction);
    std::memcpy(program_.data() + jump.instruction + offsetof(inet_diag_bc_op, no), &distance,
                sizeof(distance));
  }
  return std::move(program_);
}

FamilyMask FamiliesOf(const Condition& condition) {
  const auto* host = std::get_if<HostCondition>(&condition);
  FamilyMask families = kIpv4 | kIpv6;
  if (host == nullptr) return families;
  if (host->negated) {
    const bool is_family_alone = host->family && !host->network && !host->port;
    if (!is_family_alone) return families;
    return *host->family == Family::kV4 ? kIpv6 : kIpv4;
  }
  if (host->family) families = *host->family == Family::kV4 ? kIpv4 : kIpv6;
  if (host->network && !host->network->address.is_v4()) families &= kIpv6;
  return families;
}

}  // namespace

Expression KernelPart(const Expression& expression) {
  return Replaced(expression, [](const Condition& condition) {
    return std::visit([](const auto& one) { return Lower(one); }, condition);
  });
}

std::vector<std::byte> CompileKernelPart(const Expression& part) {
  if (part.kind == Kind::kTrue) return {};
  return Assembler().Assemble(part).value_or(std::vector<std::byte>());
}

FamilyMask FamiliesOf(const Expression& expression) {
  switch (expression.kind) {
    case Kind::kTrue:
      return kIpv4 | kIpv6;
    case Kind::kFalse:
      return 0;
    case Kind::kCondition:
      return FamiliesOf(expression.condition);
    case Kind::kAll:
    case Kind::kAny:
      break;
  }
  const bool is_all = expression.kind == Kind::kAll;
  FamilyMask families = is_all ? kIpv4 | kIpv6 : 0;
  for (const Expression& part : expression.parts) {
    const FamilyMask of_part = FamiliesOf(part);
    families = static_cast<FamilyMask>(is_all ? families & of_part : families | of_part);
  }
  return families;
}

}  // namespace tcpfleet::filter
