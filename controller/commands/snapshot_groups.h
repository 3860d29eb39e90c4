// Groups of connections: their order, and as other programs get them.
#pragma once

#include <absl/status/status.h>
#include <absl/types/span.h>

#include <vector>

#include "controller/cli/printer.h"
#include "controller/connections/row_query.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// Groups are ordered by a column they are made of, or by one of their sums. InvalidArgument names
// those there are.
absl::Status CheckGroupOrder(const Column& order, absl::Span<const Column> by);
void SortGroups(std::vector<RowGroup>& groups, const RowOrder& order,
                absl::Span<const HostView> hosts);

v1::ConnectionGroup GroupRecordOf(const RowGroup& group, absl::Span<const Column> by);
CsvRow GroupHeader(absl::Span<const Column> by);
CsvRow GroupCells(const RowGroup& group);

}  // namespace tcpfleet::controller
