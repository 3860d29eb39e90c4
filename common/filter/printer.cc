#include "common/filter/printer.h"

#include <absl/numeric/bits.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <array>
#include <utility>

#include "common/filter/lexer.h"
#include "common/filter/parser.h"

namespace tcpfleet::filter {
namespace {

using Kind = Expression::Kind;

constexpr absl::string_view kEverything = "state all";
constexpr absl::string_view kNothing = "exclude all";

// By Comparison.
constexpr std::array<absl::string_view, 6> kOperators = {"=", "!=", "<", "<=", ">", ">="};
absl::string_view TextOf(Comparison comparison) {
  return kOperators[static_cast<size_t>(comparison)];
}
absl::string_view Equality(bool negated) { return negated ? "!=" : "="; }

// Whichever of `state` and `exclude` takes fewer words.
std::string TextOf(const StateCondition& condition) {
  const sockets::StateMask others = sockets::kAllStates & ~condition.states;
  const bool excludes = absl::popcount(others) < absl::popcount(condition.states);
  std::string text;
  for (uint64_t state = 1; state <= 11; ++state) {
    if ((((excludes ? others : condition.states) >> state) & 1) == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : " ", excludes ? "exclude " : "state ",
                    sockets::LongStateName(state));
  }
  return text;
}

std::string TextOf(const PortCondition& condition) {
  return absl::StrCat(condition.side == Side::kSource ? "sport " : "dport ",
                      TextOf(condition.comparison), " :", condition.port);
}

std::string TextOf(const HostCondition& condition) {
  std::string text = absl::StrCat(condition.negated ? "not " : "",
                                  condition.side == Side::kSource ? "src " : "dst ");
  if (condition.family) {
    absl::StrAppend(&text, *condition.family == base::IpAddress::Family::kV4 ? "inet:" : "inet6:");
  }
  if (!condition.network) {
    absl::StrAppend(&text, "*");
  } else {
    const bool is_v4 = condition.network->address.is_v4();
    const int prefix = condition.network->prefix_length;
    absl::StrAppend(&text, is_v4 ? "" : "[", condition.network->address.ToString(),
                    prefix == (is_v4 ? 32 : 128) ? "" : absl::StrCat("/", prefix),
                    is_v4 ? "" : "]");
  }
  if (condition.port) absl::StrAppend(&text, ":", *condition.port);
  return text;
}

std::string TextOf(const DeviceCondition& condition) {
  return absl::StrCat("dev ", Equality(condition.negated), " ",
                      condition.index ? absl::StrCat(*condition.index) : Quoted(condition.name));
}

std::string TextOf(const MarkCondition& condition) {
  return absl::StrFormat("fwmark %s 0x%x/0x%x", std::string(Equality(condition.negated)),
                         condition.mark, condition.mask);
}

std::string TextOf(const AutoboundCondition& condition) {
  return condition.negated ? "not autobound" : "autobound";
}

std::string TextOf(const NumberCondition& condition) {
  return absl::StrCat(condition.quantity.name, " ", TextOf(condition.comparison), " ",
                      FormatLiteral(condition.quantity, condition.value));
}

std::string TextOf(const TextCondition& condition) {
  const absl::string_view search = condition.negated ? "!~" : "~";
  return absl::StrCat(NameOf(condition.source), " ",
                      condition.is_search ? search : Equality(condition.negated), " ",
                      Quoted(condition.pattern));
}

std::string TextOf(const LimitCondition& condition) {
  return absl::StrCat("limited ", Equality(condition.negated), " ",
                      sockets::LimitName(condition.limit));
}

void Append(const Expression& expression, std::string& text) {
  switch (expression.kind) {
    case Kind::kTrue:
      absl::StrAppend(&text, kEverything);
      return;
    case Kind::kFalse:
      absl::StrAppend(&text, kNothing);
      return;
    case Kind::kCondition:
      absl::StrAppend(
          &text, std::visit([](const auto& one) { return TextOf(one); }, expression.condition));
      return;
    case Kind::kAll:
    case Kind::kAny:
      break;
  }
  absl::string_view joint = "";
  for (const Expression& part : expression.parts) {
    absl::StrAppend(&text, joint, part.parts.empty() ? "" : "( ");
    Append(part, text);
    absl::StrAppend(&text, part.parts.empty() ? "" : " )");
    joint = expression.kind == Kind::kAll ? " and " : " or ";
  }
}

const StateCondition* StatesOf(const Expression& expression) {
  return expression.kind == Kind::kCondition ? std::get_if<StateCondition>(&expression.condition)
                                             : nullptr;
}

bool SpeaksOfStates(const Expression& expression) {
  bool speaks = false;
  ForEachCondition(expression, [&](const Condition& condition) {
    speaks = speaks || std::holds_alternative<StateCondition>(condition);
  });
  return speaks;
}

// Without the condition that the parser adds to a filter that does not speak of states; nothing
// when that is not all there is of states.
std::optional<Expression> WithoutDefault(const Expression& expression) {
  const Expression& first = expression.kind == Kind::kAll ? expression.parts[0] : expression;
  const StateCondition* states = StatesOf(first);
  if (states == nullptr || states->states != kDefaultStates) return std::nullopt;
  Expression rest = Expression::Constant(true);
  for (size_t i = 1; i < expression.parts.size(); ++i) {
    rest = AllOf(std::move(rest), expression.parts[i]);
  }
  return SpeaksOfStates(rest) ? std::nullopt : std::optional(std::move(rest));
}

}  // namespace

std::string TextOf(const Expression& expression) {
  std::string text;
  if (const std::optional<Expression> rest = WithoutDefault(expression)) {
    if (rest->kind != Kind::kTrue) Append(*rest, text);
    return text;
  }
  const bool is_constant = expression.kind == Kind::kTrue || expression.kind == Kind::kFalse;
  if (is_constant || SpeaksOfStates(expression)) {
    Append(expression, text);
    return text;
  }
  // Adjacent, so that it goes with the whole.
  text = absl::StrCat(kEverything, " ");
  Append(expression, text);
  return text;
}

}  // namespace tcpfleet::filter
