#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/filter/expression.h"
#include "common/filter/filter.h"

namespace tcpfleet::filter {

// What a filter without a word about states selects.
inline constexpr sockets::StateMask kDefaultStates =
    sockets::kAllStates & ~sockets::MaskOf(sockets::TcpState::kListen);

// Grammar: README.md. InvalidArgument names the column and what was expected there.
absl::StatusOr<Expression> ParseExpression(absl::string_view text, const Resolver& resolver);

}  // namespace tcpfleet::filter
