// Which columns the table of connections has, and how wide they are.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <string>
#include <vector>

#include "controller/connections/row_query.h"

namespace tcpfleet::controller {

struct TableColumn {
  Column column;
  bool sparkline = false;  // its newest values as a picture, instead of the value
  int importance = 0;      // where not all fit: small ones first, then from the left
  bool operator==(const TableColumn&) const = default;
};

// "RTT", "RETRANS".
std::string ColumnTitle(const Column& column);
bool AlignsRight(const Column& column);
// Has a Trace in ConnectionRow.
bool HasTrace(const Column& column);
const Trace& TraceOf(const Column& column, const ConnectionRow& row);

// What people look at first, in the order shown.
absl::Span<const TableColumn> DefaultTableColumns();
// The chosen columns, rates and RTT each with its sparkline behind it.
std::vector<TableColumn> WithSparklines(absl::Span<const Column> chosen);

struct PlacedColumn {
  TableColumn column;
  int width = 0;
};
// Those that fit into `width` with one blank between them, in order of `columns`; `widths` are what
// their contents need, one each.
std::vector<PlacedColumn> PlaceColumns(absl::Span<const TableColumn> columns,
                                       absl::Span<const int> widths, int width);

inline constexpr int kSparklineWidth = 8;

}  // namespace tcpfleet::controller
