#pragma once

#include <absl/types/span.h>

#include "controller/cli/command.h"

namespace tcpfleet::controller {

// Every command, in the order of `tcpfleet help`.
absl::Span<const CommandEntry> Commands();

}  // namespace tcpfleet::controller
