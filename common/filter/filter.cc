#include "common/filter/filter.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/filter/parser.h"

namespace tcpfleet::filter {
namespace {

const base::Endpoint& EndOf(const sockets::ConnectionSample& sample, Side side) {
  return side == Side::kSource ? sample.identity.local : sample.identity.remote;
}

bool Holds(const PortCondition& condition, const sockets::ConnectionSample& sample) {
  const uint16_t port = EndOf(sample, condition.side).port;
  switch (condition.comparison) {
    case Comparison::kEqual:
      return port == condition.port;
    case Comparison::kNotEqual:
      return port != condition.port;
    case Comparison::kLess:
      return port < condition.port;
    case Comparison::kLessOrEqual:
      return port <= condition.port;
    case Comparison::kGreater:
      return port > condition.port;
    case Comparison::kGreaterOrEqual:
      return port >= condition.port;
  }
  return false;
}

bool Holds(const AddressCondition& condition, const sockets::ConnectionSample& sample) {
  const base::Endpoint& end = EndOf(sample, condition.side);
  const bool is_it = (!condition.network || condition.network->Contains(end.address)) &&
                     (!condition.port || *condition.port == end.port);
  return is_it != condition.negated;
}

}  // namespace

Filter::Filter(std::string text, Expression expression)
    : text_(std::move(text)), expression_(std::move(expression)) {}

absl::StatusOr<Filter> Filter::Parse(absl::string_view text) {
  TF_ASSIGN_OR_RETURN(Expression expression, ParseExpression(text));
  return Filter(std::string(text), std::move(expression));
}

bool Filter::Matches(const Subject& subject) const {
  const sockets::ConnectionSample& sample = *subject.sample;
  const uint64_t state = sample.values.Get(sockets::Field::kState);
  if (state >= 32 || ((expression_.states >> state) & 1) == 0) return false;
  for (const Condition& condition : expression_.conditions) {
    if (!std::visit([&](const auto& one) { return Holds(one, sample); }, condition)) return false;
  }
  return true;
}

}  // namespace tcpfleet::filter
