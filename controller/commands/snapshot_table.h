// Connections and their groups as a person reads them.
#pragma once

#include <absl/types/span.h>

#include <vector>

#include "controller/cli/table.h"
#include "controller/connections/peers.h"
#include "controller/connections/row_query.h"

namespace tcpfleet::controller {

struct SnapshotTableShape {
  bool with_hosts = true;
  bool with_processes = false;
  std::vector<Column> columns;       // none: those of `ss -tiO` people look at first
  const PeerIndex* peers = nullptr;  // not null: both ends in one line
};
Table ConnectionTable(absl::Span<const ConnectionRow* const> rows, absl::Span<const HostView> hosts,
                      const SnapshotTableShape& shape);

Table GroupTable(absl::Span<const RowGroup> groups, absl::Span<const Column> by);

}  // namespace tcpfleet::controller
