#include "common/filter/expression.h"

#include <absl/strings/match.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tcpfleet::filter {
namespace {

using Kind = Expression::Kind;

// By Comparison.
constexpr std::array kOpposites = {Comparison::kNotEqual,       Comparison::kEqual,
                                   Comparison::kGreaterOrEqual, Comparison::kGreater,
                                   Comparison::kLessOrEqual,    Comparison::kLess};
Comparison Opposite(Comparison comparison) { return kOpposites[static_cast<size_t>(comparison)]; }

void Negate(StateCondition& condition) {
  condition.states = sockets::kAllStates & ~condition.states;
}
void Negate(PortCondition& condition) { condition.comparison = Opposite(condition.comparison); }
void Negate(NumberCondition& condition) { condition.comparison = Opposite(condition.comparison); }
template <class Other>
void Negate(Other& condition) {
  condition.negated = !condition.negated;
}

void Append(Expression& joined, Expression part) {
  joined.depth = std::max(joined.depth, part.depth + 1);
  joined.parts.push_back(std::move(part));
}

// Of a kAll `neutral` is true and its opposite decides; of a kAny it is false.
Expression Join(Kind kind, Expression a, Expression b) {
  const Kind neutral = kind == Kind::kAll ? Kind::kTrue : Kind::kFalse;
  const Kind deciding = kind == Kind::kAll ? Kind::kFalse : Kind::kTrue;
  if (a.kind == neutral || b.kind == deciding) return b;
  if (b.kind == neutral || a.kind == deciding) return a;
  Expression joined;
  if (a.kind == kind) {
    joined = std::move(a);
  } else {
    joined.kind = kind;
    Append(joined, std::move(a));
  }
  if (b.kind != kind) {
    Append(joined, std::move(b));
  } else {
    for (Expression& part : b.parts) Append(joined, std::move(part));
  }
  return joined;
}

// `*` stands for any run of characters. Time: pattern times text.
bool MatchesGlob(absl::string_view pattern, absl::string_view text) {
  size_t at = 0;
  size_t star = absl::string_view::npos;
  size_t retry = 0;  // where the text goes on after the last star
  for (size_t i = 0; i < text.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      retry = i;
    } else if (at < pattern.size() && pattern[at] == text[i]) {
      ++at;
      ++i;
    } else if (star != absl::string_view::npos) {
      at = star + 1;
      i = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == absl::string_view::npos;
}

}  // namespace

Expression Expression::Of(Condition condition) {
  if (const auto* state = std::get_if<StateCondition>(&condition)) {
    if (state->states == 0) return Constant(false);
    if (state->states == sockets::kAllStates) return Constant(true);
  }
  Expression expression;
  expression.kind = Kind::kCondition;
  expression.condition = std::move(condition);
  return expression;
}

Expression Expression::Constant(bool value) {
  Expression expression;
  expression.kind = value ? Kind::kTrue : Kind::kFalse;
  return expression;
}

Expression AllOf(Expression a, Expression b) {
  return Join(Kind::kAll, std::move(a), std::move(b));
}

Expression AnyOf(Expression a, Expression b) {
  return Join(Kind::kAny, std::move(a), std::move(b));
}

Expression Not(Expression expression) {
  switch (expression.kind) {
    case Kind::kTrue:
      expression.kind = Kind::kFalse;
      break;
    case Kind::kFalse:
      expression.kind = Kind::kTrue;
      break;
    case Kind::kCondition:
      std::visit([](auto& condition) { Negate(condition); }, expression.condition);
      break;
    case Kind::kAll:
    case Kind::kAny:
      expression.kind = expression.kind == Kind::kAll ? Kind::kAny : Kind::kAll;
      for (Expression& part : expression.parts) part = Not(std::move(part));
      break;
  }
  return expression;
}

Expression Replaced(const Expression& expression,
                    absl::FunctionRef<Expression(const Condition&)> replace) {
  if (expression.kind == Kind::kCondition) return replace(expression.condition);
  if (expression.parts.empty()) return expression;
  Expression joined = Expression::Constant(expression.kind == Kind::kAll);
  for (const Expression& part : expression.parts) {
    joined = Join(expression.kind, std::move(joined), Replaced(part, replace));
  }
  return joined;
}

void ForEachCondition(const Expression& expression, absl::FunctionRef<void(const Condition&)> see) {
  if (expression.kind == Kind::kCondition) see(expression.condition);
  for (const Expression& part : expression.parts) ForEachCondition(part, see);
}

size_t CountConditions(const Expression& expression) {
  size_t count = 0;
  ForEachCondition(expression, [&](const Condition&) { ++count; });
  return count;
}

bool MatchesText(const TextCondition& condition, absl::string_view text) {
  if (condition.regex != nullptr) {
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *condition.regex);
  }
  return condition.is_search ? absl::StrContains(text, condition.pattern)
                             : MatchesGlob(condition.pattern, text);
}

}  // namespace tcpfleet::filter
