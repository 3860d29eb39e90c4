#include "common/filter/matcher.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "common/filter/subject_values.h"

namespace tcpfleet::filter {
namespace {

using sockets::Field;
using Kind = Expression::Kind;
using Source = Quantity::Source;

constexpr uint16_t kAccept = UINT16_MAX;
constexpr uint16_t kReject = UINT16_MAX - 1;
static_assert(kMostConditions < kReject);

// Of integers: both ends belong to it.
struct Range {
  uint64_t low;
  uint64_t high;
};
constexpr Range kNoRange = {1, 0};

Range RangeOf(Comparison comparison, uint64_t value) {
  switch (comparison) {
    case Comparison::kEqual:
    case Comparison::kNotEqual:
      break;
    case Comparison::kLess:
      return value == 0 ? kNoRange : Range{0, value - 1};
    case Comparison::kLessOrEqual:
      return {0, value};
    case Comparison::kGreater:
      return value == UINT64_MAX ? kNoRange : Range{value + 1, UINT64_MAX};
    case Comparison::kGreaterOrEqual:
      return {value, UINT64_MAX};
  }
  return {value, value};
}

template <class Number>
bool Compare(Number a, Comparison comparison, Number b) {
  switch (comparison) {
    case Comparison::kEqual:
      return a == b;
    case Comparison::kNotEqual:
      return a != b;
    case Comparison::kLess:
      return a < b;
    case Comparison::kLessOrEqual:
      return a <= b;
    case Comparison::kGreater:
      return a > b;
    case Comparison::kGreaterOrEqual:
      return a >= b;
  }
  return false;
}

std::array<uint64_t, 2> BitsOf(const base::IpAddress& address) {
  std::array<uint64_t, 2> bits{};
  if (address.is_v4()) {
    uint32_t v4 = 0;
    std::memcpy(&v4, address.bytes().data(), sizeof(v4));
    bits[1] = uint64_t{0xffff} << 32 | __builtin_bswap32(v4);
  } else {
    std::memcpy(bits.data(), address.bytes().data(), sizeof(bits));
    bits = {__builtin_bswap64(bits[0]), __builtin_bswap64(bits[1])};
  }
  return bits;
}

uint64_t HighBits(int count) {
  return count <= 0 ? 0 : count >= 64 ? UINT64_MAX : ~(UINT64_MAX >> count);
}

}  // namespace

Matcher::Matcher(const Expression& expression) {
  start_ = expression.kind == Kind::kTrue ? kAccept : expression.kind == Kind::kFalse ? kReject : 0;
  Add(expression, kAccept, kReject);
}

void Matcher::Add(const Expression& expression, uint16_t on_true, uint16_t on_false) {
  if (expression.kind == Kind::kCondition) {
    Step step = std::visit([&](const auto& one) { return StepOf(one); }, expression.condition);
    step.on_true = on_true;
    step.on_false = on_false;
    steps_.push_back(step);
  }
  for (const Expression& part : expression.parts) {
    const bool is_last = &part == &expression.parts.back();
    const auto next = static_cast<uint16_t>(steps_.size() + CountConditions(part));
    if (expression.kind == Kind::kAll) {
      Add(part, is_last ? on_true : next, on_false);
    } else {
      Add(part, on_true, is_last ? on_false : next);
    }
  }
}

Matcher::Step Matcher::StepOf(const StateCondition& condition) {
  return {.op = Op::kState, .low = condition.states};
}

Matcher::Step Matcher::StepOf(const PortCondition& condition) {
  const Range range = RangeOf(condition.comparison, condition.port);
  return {.op = condition.side == Side::kSource ? Op::kLocalPort : Op::kRemotePort,
          .negated = condition.comparison == Comparison::kNotEqual,
          .low = range.low,
          .high = range.high};
}

Matcher::Step Matcher::StepOf(const HostCondition& condition) {
  AddressTest test{.side = condition.side};
  if (condition.family) {
    test.families = *condition.family == base::IpAddress::Family::kV4 ? kIpv4 : kIpv6;
  }
  if (condition.network) {
    const bool is_v4 = condition.network->address.is_v4();
    if (!is_v4) test.families &= kIpv6;
    const int prefix = condition.network->prefix_length + (is_v4 ? 96 : 0);
    test.mask = {HighBits(prefix), HighBits(prefix - 64)};
    test.bits = BitsOf(condition.network->address);
  }
  addresses_.push_back(test);
  return {.op = Op::kHost,
          .negated = condition.negated,
          .index = static_cast<uint16_t>(addresses_.size() - 1),
          .low = condition.port.value_or(0),
          .high = condition.port.value_or(UINT16_MAX)};
}

Matcher::Step Matcher::StepOf(const DeviceCondition& condition) {
  if (!condition.index) return {};
  return {.op = Op::kDevice,
          .negated = condition.negated,
          .low = *condition.index,
          .high = *condition.index};
}

Matcher::Step Matcher::StepOf(const MarkCondition& condition) {
  return {
      .op = Op::kMark, .negated = condition.negated, .low = condition.mark, .high = condition.mask};
}

Matcher::Step Matcher::StepOf(const AutoboundCondition& condition) {
  return {.op = Op::kLocalPort,
          .negated = condition.negated,
          .low = condition.first,
          .high = condition.last};
}

Matcher::Step Matcher::StepOf(const NumberCondition& condition) {
  const Quantity& quantity = condition.quantity;
  Step step{.source = quantity.source, .comparison = condition.comparison, .field = quantity.field};
  if (quantity.source >= Source::kSendRate) {
    const double scale = quantity.unit == Unit::kShare ? kShareUnitsPerOne : 1;
    step.op = Op::kShareOrRate;
    step.low = std::bit_cast<uint64_t>(static_cast<double>(condition.value) / scale);
    return step;
  }
  const Range range = RangeOf(condition.comparison, condition.value);
  step.op = quantity.source == Source::kField ? Op::kField
            : quantity.source == Source::kAge ? Op::kAge
                                              : Op::kNumber;
  step.negated = condition.comparison == Comparison::kNotEqual;
  step.low = range.low;
  step.high = range.high;
  return step;
}

Matcher::Step Matcher::StepOf(const TextCondition& condition) {
  texts_.push_back(condition);
  return {.op = Op::kText,
          .negated = condition.negated,
          .index = static_cast<uint16_t>(texts_.size() - 1)};
}

Matcher::Step Matcher::StepOf(const LimitCondition& condition) {
  return {.op = Op::kLimit,
          .negated = condition.negated,
          .low = static_cast<uint64_t>(condition.limit)};
}

bool Matcher::JudgeHost(const Step& step, const Subject& subject) const {
  const AddressTest& test = addresses_[step.index];
  const sockets::ConnectionIdentity& identity = subject.sample->identity;
  const base::Endpoint& end = test.side == Side::kSource ? identity.local : identity.remote;
  const std::array<uint64_t, 2> bits = BitsOf(end.address);
  const bool hits = (test.families & (end.address.is_v4() ? kIpv4 : kIpv6)) != 0 &&
                    ((bits[0] ^ test.bits[0]) & test.mask[0]) == 0 &&
                    ((bits[1] ^ test.bits[1]) & test.mask[1]) == 0 && end.port >= step.low &&
                    end.port <= step.high;
  return hits != step.negated;
}

// A connection whose opening was not seen is at least as old as anything known of it: that can
// prove that it is older than something, never that it is younger.
bool Matcher::JudgeAge(const Step& step, const Subject& subject) {
  std::optional<uint64_t> age = AgoMs(subject, Field::kFirstSeenAtMs);
  if (subject.sample->values.Get(Field::kOpeningSeen) == 1) {
    return age && (*age >= step.low && *age <= step.high) != step.negated;
  }
  for (const Field field :
       {Field::kLastDataSentAtMs, Field::kLastDataRecvAtMs, Field::kLastAckRecvAtMs}) {
    age = std::max(age, AgoMs(subject, field));  // nothing is less than everything
  }
  if (!age) return false;
  return step.negated ? *age > step.high : step.high == UINT64_MAX && *age >= step.low;
}

bool Matcher::JudgeReal(const Step& step, const Subject& subject) {
  if (subject.derived == nullptr) return false;
  const std::optional<double> value = RealOf(step.source, *subject.derived);
  return value && Compare(*value, step.comparison, std::bit_cast<double>(step.low));
}

bool Matcher::Judge(const Step& step, const Subject& subject) const {
  const sockets::ConnectionSample& sample = *subject.sample;
  const auto in_range = [&](uint64_t value) {
    return (value >= step.low && value <= step.high) != step.negated;
  };
  switch (step.op) {
    case Op::kState: {
      const uint64_t state = sample.values.Get(Field::kState);
      return state < 32 && ((step.low >> state) & 1) != 0;
    }
    case Op::kLocalPort:
      return in_range(sample.identity.local.port);
    case Op::kRemotePort:
      return in_range(sample.identity.remote.port);
    case Op::kField:
      return sample.values.Has(step.field) && in_range(sample.values.Get(step.field));
    case Op::kNumber: {
      const std::optional<uint64_t> number = NumberOf(step.source, step.field, subject);
      return number && in_range(*number);
    }
    case Op::kAge:
      return JudgeAge(step, subject);
    case Op::kShareOrRate:
      return JudgeReal(step, subject);
    case Op::kHost:
      return JudgeHost(step, subject);
    case Op::kDevice:
      return in_range(sample.identity.interface);
    case Op::kMark:
      return sample.values.Has(Field::kMark) &&
             ((sample.values.Get(Field::kMark) & step.high) == step.low) != step.negated;
    case Op::kText: {
      const TextCondition& condition = texts_[step.index];
      const absl::string_view text = TextOf(condition.source, subject);
      return !text.empty() && MatchesText(condition, text) != step.negated;
    }
    case Op::kLimit:
      return subject.derived != nullptr && subject.derived->limited &&
             (static_cast<uint64_t>(*subject.derived->limited) == step.low) != step.negated;
    case Op::kNever:
      break;
  }
  return false;
}

bool Matcher::Matches(const Subject& subject) const {
  uint16_t at = start_;
  while (at < kReject) {
    const Step& step = steps_[at];
    at = Judge(step, subject) ? step.on_true : step.on_false;
  }
  return at == kAccept;
}

}  // namespace tcpfleet::filter
