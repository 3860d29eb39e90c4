#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/filter/expression.h"

namespace tcpfleet::filter {

// Grammar: README.md. InvalidArgument names the column and what was expected there.
absl::StatusOr<Expression> ParseExpression(absl::string_view text);

}  // namespace tcpfleet::filter
