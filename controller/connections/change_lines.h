// Changes of a watched fleet as lines: for people, or as JSON or CSV of v1::ConnectionRecord.
//
// Events: present (there before the watching began), open, change, close.
// Errors: InvalidArgument (text that is no UTF-8, in JSON).
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <ostream>
#include <string>
#include <vector>

#include "controller/connections/connection_record.h"
#include "controller/connections/fleet_table.h"
#include "controller/connections/row_query.h"

namespace tcpfleet::controller {

enum class LineFormat { kText, kJsonl, kCsv };

class ChangeLines {
 public:
  // `columns` are shown after what identifies the connection; without any, those people look at
  // first. JSON and CSV have all else, and of the kernel's fields those among `columns`, or all.
  ChangeLines(std::ostream& out, LineFormat format, std::vector<Column> columns);

  absl::Status Write(const FrameChanges& changes, absl::Span<const HostView> hosts);

 private:
  absl::Status WriteLine(absl::string_view event, int64_t unix_ns, const ConnectionRow& row,
                         absl::Span<const HostView> hosts);
  std::string TextOf(absl::string_view event, int64_t unix_ns, const ConnectionRow& row,
                     absl::Span<const HostView> hosts) const;

  std::ostream& out_;
  const LineFormat format_;
  std::vector<Column> columns_;
  CsvShape shape_;
  bool has_header_ = false;
};

}  // namespace tcpfleet::controller
