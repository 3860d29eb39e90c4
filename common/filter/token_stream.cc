#include "common/filter/token_stream.h"

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <array>

namespace tcpfleet::filter {
namespace {

struct ComparisonName {
  absl::string_view text;
  Comparison comparison;
};
constexpr std::array kComparisons = {
    ComparisonName{"=", Comparison::kEqual},
    ComparisonName{"==", Comparison::kEqual},
    ComparisonName{"eq", Comparison::kEqual},
    ComparisonName{"!=", Comparison::kNotEqual},
    ComparisonName{"ne", Comparison::kNotEqual},
    ComparisonName{"neq", Comparison::kNotEqual},
    ComparisonName{"<", Comparison::kLess},
    ComparisonName{"lt", Comparison::kLess},
    ComparisonName{"<=", Comparison::kLessOrEqual},
    ComparisonName{"le", Comparison::kLessOrEqual},
    ComparisonName{"leq", Comparison::kLessOrEqual},
    ComparisonName{">", Comparison::kGreater},
    ComparisonName{"gt", Comparison::kGreater},
    ComparisonName{">=", Comparison::kGreaterOrEqual},
    ComparisonName{"ge", Comparison::kGreaterOrEqual},
    ComparisonName{"geq", Comparison::kGreaterOrEqual},
};

}  // namespace

bool TokenStream::Sees(absl::string_view word) const {
  return Peek().kind != Token::Kind::kQuoted && absl::EqualsIgnoreCase(Peek().text, word);
}

bool TokenStream::TakeIf(absl::string_view word) {
  if (!Sees(word)) return false;
  Take();
  return true;
}

std::optional<Comparison> TokenStream::TakeComparison() {
  for (const ComparisonName& name : kComparisons) {
    if (TakeIf(name.text)) return name.comparison;
  }
  return std::nullopt;
}

absl::Status Mistake(const Token& at, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat("filter, column ", at.column, ": ", message));
}

absl::Status Expected(const Token& found, absl::string_view what) {
  const std::string got = found.kind == Token::Kind::kEnd
                              ? "the end"
                              : absl::StrCat("'", absl::Utf8SafeCHexEscape(found.text), "'");
  return Mistake(found, absl::StrCat("expected ", what, ", found ", got));
}

}  // namespace tcpfleet::filter
