#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <vector>

#include "common/filter/filter.h"
#include "controller/cli/command_context.h"
#include "controller/connections/feed.h"
#include "controller/connections/row_query.h"

namespace tcpfleet::controller {

struct LineRun {
  std::vector<Column> columns;  // empty: what people look at first, or all fields
  const filter::Filter* filter = nullptr;
  absl::Duration duration = absl::InfiniteDuration();
};

// Prints what changes, one line each, until the feed ends, the time is over, nobody reads any more,
// or an interrupt. Agents that come and go are told on stderr.
absl::Status PrintChanges(CommandContext& context, Feed& feed, const LineRun& run);

}  // namespace tcpfleet::controller
