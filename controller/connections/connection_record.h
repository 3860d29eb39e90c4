// Connections as other programs get them: messages of report.proto and lines of CSV, with values as
// the kernel reports them.
#pragma once

#include <absl/types/span.h>

#include "common/sockets/field.h"
#include "controller/cli/printer.h"
#include "controller/connections/fleet_table.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// `fields` says which of the kernel's fields; empty: all.
v1::ConnectionRecord ToRecord(const ConnectionRow& row, absl::Span<const HostView> hosts,
                              const sockets::FieldMask& fields = {});

struct CsvShape {
  sockets::FieldMask fields = {};  // as above
  bool with_event = false;         // time and event first
  bool with_peers = false;
};
// Columns stand in the same order whatever the connections are; what a record does not have is an
// empty cell.
CsvRow ConnectionCsvHeader(const CsvShape& shape);
CsvRow ConnectionCsvRow(const v1::ConnectionRecord& record, const CsvShape& shape);

}  // namespace tcpfleet::controller
