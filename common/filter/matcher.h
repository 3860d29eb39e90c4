// A filter made ready to be asked: one step per condition, in one array, without allocation per
// question.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/filter/expression.h"
#include "common/filter/filter.h"

namespace tcpfleet::filter {

class Matcher {
 public:
  explicit Matcher(const Expression& expression);

  bool Matches(const Subject& subject) const;

 private:
  enum class Op : uint8_t {
    kState,
    kLocalPort,
    kRemotePort,
    kField,
    kNumber,
    kAge,
    kShareOrRate,
    kHost,
    kDevice,
    kMark,
    kText,
    kLimit,
    kNever,
  };
  struct Step {
    Op op = Op::kNever;
    bool negated = false;
    Quantity::Source source = Quantity::Source::kField;
    Comparison comparison = Comparison::kEqual;  // of kShareOrRate
    sockets::Field field = sockets::Field::kState;
    uint16_t on_true = 0;  // next step
    uint16_t on_false = 0;
    uint16_t index = 0;  // into addresses_ or texts_
    // The values that match, both included. kState: states; kMark: mark and mask; kShareOrRate: the
    // bits of a double; kLimit: the limit.
    uint64_t low = 0;
    uint64_t high = 0;
  };
  // Addresses as 128 bits, IPv4 as ::ffff:a.b.c.d.
  struct AddressTest {
    Side side = Side::kSource;
    FamilyMask families = kIpv4 | kIpv6;
    std::array<uint64_t, 2> mask{};
    std::array<uint64_t, 2> bits{};
  };

  void Add(const Expression& expression, uint16_t on_true, uint16_t on_false);
  Step StepOf(const StateCondition& condition);
  Step StepOf(const PortCondition& condition);
  Step StepOf(const HostCondition& condition);
  Step StepOf(const DeviceCondition& condition);
  Step StepOf(const MarkCondition& condition);
  Step StepOf(const AutoboundCondition& condition);
  Step StepOf(const NumberCondition& condition);
  Step StepOf(const TextCondition& condition);
  Step StepOf(const LimitCondition& condition);

  // False also when what the step asks about is unknown.
  bool Judge(const Step& step, const Subject& subject) const;
  bool JudgeHost(const Step& step, const Subject& subject) const;
  static bool JudgeAge(const Step& step, const Subject& subject);
  static bool JudgeReal(const Step& step, const Subject& subject);

  std::vector<Step> steps_;
  std::vector<AddressTest> addresses_;
  std::vector<TextCondition> texts_;
  uint16_t start_ = 0;
};

}  // namespace tcpfleet::filter
