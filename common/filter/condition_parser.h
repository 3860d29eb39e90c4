#pragma once

#include <absl/status/statusor.h>

#include "common/filter/expression.h"
#include "common/filter/filter.h"
#include "common/filter/token_stream.h"

namespace tcpfleet::filter {

// Reads one condition: everything but states, operators and parentheses. A name with several
// addresses becomes several conditions.
class ConditionParser {
 public:
  // Both must outlive the parser.
  ConditionParser(TokenStream* tokens, const Resolver* resolver)
      : tokens_(*tokens), resolver_(*resolver) {}

  absl::StatusOr<Expression> Parse();

 private:
  absl::StatusOr<Expression> ParsePort(Side side);
  absl::StatusOr<Expression> ParseHost(Side side);
  absl::StatusOr<Expression> ParseDevice();
  absl::StatusOr<Expression> ParseMark();
  absl::StatusOr<Expression> ParseNumber(const Quantity& quantity, const Token& name);
  absl::StatusOr<Expression> ParseText(TextSource source, const Token& name);
  absl::StatusOr<Expression> ParseLimited(const Token& name);

  // "=" where nothing stands, as in ss; nothing for other comparisons than = and !=.
  absl::StatusOr<bool> TakeNegation(absl::string_view what);
  absl::StatusOr<uint16_t> ResolvePort(const Token& word, const std::string& port) const;
  absl::StatusOr<Expression> ResolveHost(const Token& word, const std::string& name,
                                         const HostCondition& rest) const;
  absl::StatusOr<Expression> SearchFor(TextCondition condition, const Token& pattern);

  TokenStream& tokens_;
  const Resolver& resolver_;
  size_t patterns_ = 0;
};

}  // namespace tcpfleet::filter
