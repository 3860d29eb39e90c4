#include "common/filter/filter.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/status_macros.h"
#include "common/filter/expression.h"
#include "common/filter/kernel_program.h"
#include "common/filter/matcher.h"
#include "common/filter/parser.h"
#include "common/filter/printer.h"

namespace tcpfleet::filter {
namespace {

using sockets::Field;
using Source = Quantity::Source;

sockets::FieldMask MaskOf(std::initializer_list<Field> fields) {
  sockets::FieldMask mask;
  for (const Field field : fields) mask.set(sockets::SlotOf(field));
  return mask;
}

// Besides Quantity::field.
sockets::FieldMask FieldsBehind(Source source) {
  switch (source) {
    case Source::kAge:
      return MaskOf({Field::kFirstSeenAtMs, Field::kOpeningSeen, Field::kLastDataSentAtMs,
                     Field::kLastDataRecvAtMs, Field::kLastAckRecvAtMs});
    case Source::kIdle:
      return MaskOf({Field::kLastDataSentAtMs, Field::kLastDataRecvAtMs});
    case Source::kSendRate:
      return MaskOf({Field::kBytesSent});
    case Source::kReceiveRate:
      return MaskOf({Field::kBytesReceived});
    case Source::kAckedRate:
      return MaskOf({Field::kBytesAcked});
    case Source::kRetransShare:
      return MaskOf({Field::kTotalRetrans, Field::kDataSegsOut});
    case Source::kBusyShare:
      return MaskOf({Field::kBusyTime});
    case Source::kRwndLimitedShare:
      return MaskOf({Field::kBusyTime, Field::kRwndLimited});
    case Source::kSndbufLimitedShare:
      return MaskOf({Field::kBusyTime, Field::kSndbufLimited});
    default:
      return {};
  }
}

struct Needs {
  sockets::FieldMask fields = MaskOf({Field::kState});
  bool process = false;
  bool cgroup = false;
  bool derived = false;
  bool host = false;
};

void AddNeeds(const NumberCondition& condition, Needs& needs) {
  const Quantity& quantity = condition.quantity;
  needs.fields.set(sockets::SlotOf(quantity.field));
  needs.fields |= FieldsBehind(quantity.source);
  needs.process = needs.process || quantity.source == Source::kPid;
  needs.derived = needs.derived || quantity.source >= Source::kSendRate;
}
void AddNeeds(const TextCondition& condition, Needs& needs) {
  needs.process = needs.process || condition.source == TextSource::kProcess ||
                  condition.source == TextSource::kCommand;
  needs.cgroup = needs.cgroup || condition.source == TextSource::kCgroup;
  needs.host = needs.host || condition.source == TextSource::kHost;
}
void AddNeeds(const LimitCondition&, Needs& needs) {
  needs.derived = true;
  needs.fields |=
      MaskOf({Field::kBusyTime, Field::kRwndLimited, Field::kSndbufLimited, Field::kTotalRetrans,
              Field::kCaState, Field::kLost, Field::kDeliveryRateAppLimited});
}
void AddNeeds(const MarkCondition&, Needs& needs) { needs.fields |= MaskOf({Field::kMark}); }
template <class Other>
void AddNeeds(const Other&, Needs&) {}

Needs NeedsOf(const Expression& expression) {
  Needs needs;
  ForEachCondition(expression, [&](const Condition& condition) {
    std::visit([&](const auto& one) { AddNeeds(one, needs); }, condition);
  });
  return needs;
}

sockets::StateMask StatesOf(const Expression& expression) {
  switch (expression.kind) {
    case Expression::Kind::kTrue:
      return sockets::kAllStates;
    case Expression::Kind::kFalse:
      return 0;
    case Expression::Kind::kCondition: {
      const auto* states = std::get_if<StateCondition>(&expression.condition);
      return states != nullptr ? states->states : sockets::kAllStates;
    }
    case Expression::Kind::kAll:
    case Expression::Kind::kAny:
      break;
  }
  const bool is_all = expression.kind == Expression::Kind::kAll;
  sockets::StateMask states = is_all ? sockets::kAllStates : 0;
  for (const Expression& part : expression.parts) {
    states = is_all ? states & StatesOf(part) : states | StatesOf(part);
  }
  return states;
}

bool IsState(const Expression& part) {
  return part.kind == Expression::Kind::kCondition &&
         std::holds_alternative<StateCondition>(part.condition);
}

// What is left to ask once the state is known to be one of StatesOf().
Expression BeyondStates(const Expression& expression) {
  if (IsState(expression)) return Expression::Constant(true);
  if (expression.kind != Expression::Kind::kAll) return expression;
  Expression rest = Expression::Constant(true);
  for (const Expression& part : expression.parts) {
    if (!IsState(part)) rest = AllOf(std::move(rest), part);
  }
  return rest;
}

}  // namespace

struct CompiledFilter {
  explicit CompiledFilter(Expression whole)
      : expression(std::move(whole)),
        text(TextOf(expression)),
        states(StatesOf(expression)),
        families(FamiliesOf(expression)),
        needs(NeedsOf(expression)),
        matcher(BeyondStates(expression)) {}

  const Expression expression;
  const std::string text;
  const sockets::StateMask states;
  const FamilyMask families;
  const Needs needs;
  const Matcher matcher;
};

Filter::Filter(std::shared_ptr<const CompiledFilter> compiled) : compiled_(std::move(compiled)) {}

absl::StatusOr<Filter> Filter::Parse(absl::string_view text, const Resolver& resolver) {
  TF_ASSIGN_OR_RETURN(Expression expression, ParseExpression(text, resolver));
  Filter filter(std::make_shared<CompiledFilter>(std::move(expression)));
  if (filter.text().size() > kLongestText) {
    return absl::InvalidArgumentError(absl::StrCat("filter: ", filter.text().size(),
                                                   " characters with names resolved; at most ",
                                                   kLongestText));
  }
  return filter;
}

bool Filter::Matches(const Subject& subject) const {
  const uint64_t state = subject.sample->values.Get(Field::kState);
  return state < 32 && ((compiled_->states >> state) & 1) != 0 &&
         compiled_->matcher.Matches(subject);
}

Filter Filter::ForHost(absl::string_view host) const {
  if (!NeedsHost()) return *this;
  const auto decide = [&](const Condition& condition) {
    const auto* text = std::get_if<TextCondition>(&condition);
    return text != nullptr && text->source == TextSource::kHost
               ? Expression::Constant(MatchesText(*text, host) != text->negated)
               : Expression::Of(condition);
  };
  return Filter(std::make_shared<CompiledFilter>(Replaced(compiled_->expression, decide)));
}

bool Filter::NeverMatches() const { return compiled_->states == 0 || compiled_->families == 0; }
sockets::StateMask Filter::StateMask() const { return compiled_->states; }
FamilyMask Filter::Families() const { return compiled_->families; }
std::vector<std::byte> Filter::KernelProgram() const {
  return CompileKernelPart(KernelPart(compiled_->expression));
}
sockets::FieldMask Filter::Fields() const { return compiled_->needs.fields; }
bool Filter::NeedsProcess() const { return compiled_->needs.process; }
bool Filter::NeedsCgroup() const { return compiled_->needs.cgroup; }
bool Filter::NeedsDerived() const { return compiled_->needs.derived; }
bool Filter::NeedsHost() const { return compiled_->needs.host; }
const std::string& Filter::text() const { return compiled_->text; }

std::vector<std::byte> KernelProgramForAny(absl::Span<const Filter* const> filters) {
  Expression any = Expression::Constant(false);
  for (const Filter* filter : filters) {
    any = AnyOf(std::move(any), KernelPart(filter->compiled_->expression));
  }
  return CompileKernelPart(any);
}

}  // namespace tcpfleet::filter
