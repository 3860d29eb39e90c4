#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <string>

#include "common/filter/filter.h"

namespace tcpfleet::controller {

// The filter of a command line: its words with blanks between them. Names of hosts and services are
// resolved on this machine, which may take as long as the resolver does.
absl::StatusOr<filter::Filter> ParseFilterWords(absl::Span<const std::string> words);

}  // namespace tcpfleet::controller
