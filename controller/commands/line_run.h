#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "common/filter/filter.h"
#include "controller/cli/command_context.h"
#include "controller/connections/change_lines.h"
#include "controller/connections/feed.h"
#include "controller/connections/row_query.h"

namespace tcpfleet::controller {

struct LineRun {
  std::vector<Column> columns = {};  // empty: what people look at first, or all fields
  const filter::Filter* filter = nullptr;
  absl::Duration duration = absl::InfiniteDuration();
  // Lines begin with what is there after the entries up to this time; 0: with the first entry.
  int64_t from_unix_ns = 0;
  std::optional<LineFormat> format = {};  // by default that of --output
  bool tells_hosts = true;                // on stderr: agents that come and go
};

// Prints what changes, one line each, until the feed ends, the time is over, nobody reads any more,
// or an interrupt.
absl::Status PrintChanges(CommandContext& context, Feed& feed, const LineRun& run);

}  // namespace tcpfleet::controller
