#include "common/filter/parser.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/filter/condition_parser.h"
#include "common/filter/token_stream.h"

namespace tcpfleet::filter {
namespace {

enum class Joint { kNone, kAnd, kOr };

class Parser {
 public:
  Parser(std::vector<Token> tokens, const Resolver* resolver)
      : tokens_(std::move(tokens)), conditions_(&tokens_, resolver) {}

  absl::StatusOr<Expression> ParseWhole();

 private:
  bool SeesState() const;
  bool SeesEndOfList() const { return tokens_.AtEnd() || tokens_.Sees(")"); }
  Joint SeesJoint() const;

  // `depth` counts the parentheses and `not` around it.
  absl::StatusOr<Expression> ParseList(int depth);
  absl::StatusOr<Expression> ParseTerm(int depth);
  absl::StatusOr<Expression> ParseStates();
  absl::StatusOr<sockets::StateMask> TakeStateGroup();

  TokenStream tokens_;
  ConditionParser conditions_;
  bool speaks_of_states_ = false;
};

bool Parser::SeesState() const {
  return tokens_.Sees("state") || tokens_.Sees("exclude") || tokens_.Sees("excl");
}

Joint Parser::SeesJoint() const {
  for (const absl::string_view word : {"and", "&&", "&"}) {
    if (tokens_.Sees(word)) return Joint::kAnd;
  }
  for (const absl::string_view word : {"or", "||", "|"}) {
    if (tokens_.Sees(word)) return Joint::kOr;
  }
  return Joint::kNone;
}

absl::StatusOr<Expression> Parser::ParseWhole() {
  Expression expression = Expression::Constant(true);
  if (!tokens_.AtEnd()) {
    TF_ASSIGN_OR_RETURN(expression, ParseList(0));
  }
  if (!tokens_.AtEnd()) return Expected(tokens_.Peek(), "a condition");  // a lone ')'
  if (speaks_of_states_) return expression;
  return AllOf(Expression::Of(StateCondition{kDefaultStates}), std::move(expression));
}

// `and` and `or` bind alike and from left to right, as in ss. States at the front with no operator
// behind them go with everything that follows.
absl::StatusOr<Expression> Parser::ParseList(int depth) {
  const bool begins_with_states = SeesState();
  TF_ASSIGN_OR_RETURN(Expression list, ParseTerm(depth));
  Expression states = Expression::Constant(true);
  if (begins_with_states && SeesJoint() == Joint::kNone && !SeesEndOfList()) {
    states = std::exchange(list, Expression::Constant(true));
    TF_ASSIGN_OR_RETURN(list, ParseTerm(depth));
  }
  while (!SeesEndOfList()) {
    const Token joint_token = tokens_.Peek();
    const Joint joint = SeesJoint();
    if (joint != Joint::kNone) tokens_.Take();
    if (SeesEndOfList()) {
      return Expected(tokens_.Peek(), absl::StrCat("a condition after '", joint_token.text, "'"));
    }
    TF_ASSIGN_OR_RETURN(Expression term, ParseTerm(depth));
    list = joint == Joint::kOr ? AnyOf(std::move(list), std::move(term))
                               : AllOf(std::move(list), std::move(term));
    // Leaves room for the states.
    if (list.depth >= kDeepestNesting) {
      return Mistake(joint_token, absl::StrCat("'and' and 'or' take turns too often: at most ",
                                               kDeepestNesting - 1, " levels"));
    }
  }
  return AllOf(std::move(states), std::move(list));
}

absl::StatusOr<Expression> Parser::ParseTerm(int depth) {
  const Token first = tokens_.Peek();
  if (depth > kDeepestNesting) {
    return Mistake(first, absl::StrCat("nested too deeply: at most ", kDeepestNesting, " levels"));
  }
  if (tokens_.TakeIf("not") || tokens_.TakeIf("!")) {
    TF_ASSIGN_OR_RETURN(Expression term, ParseTerm(depth + 1));
    return Not(std::move(term));
  }
  if (tokens_.TakeIf("(")) {
    TF_ASSIGN_OR_RETURN(Expression list, ParseList(depth + 1));
    if (!tokens_.TakeIf(")")) {
      return Expected(tokens_.Peek(), absl::StrCat("')' for the '(' in column ", first.column));
    }
    return list;
  }
  return SeesState() ? ParseStates() : conditions_.Parse();
}

absl::StatusOr<sockets::StateMask> Parser::TakeStateGroup() {
  const Token word = tokens_.Take();
  const std::optional<sockets::StateMask> states =
      word.kind == Token::Kind::kEnd ? std::nullopt : sockets::ParseStateGroup(word.text);
  if (states) return *states;
  const absl::Status status = Expected(word, "a TCP state such as established");
  return absl::InvalidArgumentError(
      absl::StrCat(status.message(), base::DidYouMean(word.text, sockets::StateWords())));
}

// As in ss(8): `state` words in a row add up, `exclude` takes away, from all states when it comes
// first.
absl::StatusOr<Expression> Parser::ParseStates() {
  speaks_of_states_ = true;
  std::optional<sockets::StateMask> states;
  while (SeesState()) {
    const bool excludes = !tokens_.Sees("state");
    tokens_.Take();
    const Token op = tokens_.Peek();
    const std::optional<Comparison> comparison = tokens_.TakeComparison();
    TF_ASSIGN_OR_RETURN(const sockets::StateMask group, TakeStateGroup());
    if (comparison) {
      const bool is_equality =
          comparison == Comparison::kEqual || comparison == Comparison::kNotEqual;
      if (excludes || states || !is_equality) return Expected(op, "a TCP state");
      const Expression one = Expression::Of(StateCondition{group});
      return comparison == Comparison::kEqual ? one : Not(one);
    }
    states = excludes ? states.value_or(sockets::kAllStates) & ~group : states.value_or(0) | group;
  }
  return Expression::Of(StateCondition{*states});
}

}  // namespace

absl::StatusOr<Expression> ParseExpression(absl::string_view text, const Resolver& resolver) {
  if (text.size() > kLongestText) {
    return absl::InvalidArgumentError(
        absl::StrCat("filter: ", text.size(), " characters; at most ", kLongestText));
  }
  TF_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  TF_ASSIGN_OR_RETURN(Expression expression, Parser(std::move(tokens), &resolver).ParseWhole());
  if (const size_t count = CountConditions(expression); count > kMostConditions) {
    return absl::InvalidArgumentError(
        absl::StrCat("filter: ", count, " conditions; at most ", kMostConditions));
  }
  return expression;
}

}  // namespace tcpfleet::filter
