// The tokens of a filter, taken one by one, and the errors that point at them.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <optional>
#include <utility>
#include <vector>

#include "common/filter/expression.h"
#include "common/filter/lexer.h"

namespace tcpfleet::filter {

class TokenStream {
 public:
  // The last one is kEnd.
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& Peek() const { return tokens_[next_]; }
  const Token& Take() { return tokens_[AtEnd() ? next_ : next_++]; }
  bool AtEnd() const { return Peek().kind == Token::Kind::kEnd; }
  // Words in any case; a quoted text is no word of the language.
  bool Sees(absl::string_view word) const;
  bool TakeIf(absl::string_view word);
  // = == eq != ne neq < lt <= le leq > gt >= ge geq
  std::optional<Comparison> TakeComparison();

 private:
  const std::vector<Token> tokens_;
  size_t next_ = 0;
};

// "filter, column 7: expected WHAT, found 'x'"
absl::Status Expected(const Token& found, absl::string_view what);
// "filter, column 7: MESSAGE"
absl::Status Mistake(const Token& at, absl::string_view message);

}  // namespace tcpfleet::filter
