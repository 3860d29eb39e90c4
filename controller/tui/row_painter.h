// Draws connections and groups of them as aligned lines.
//
// Columns only grow while the same columns are shown on the same width, so that the table does not
// jump with its values.
#pragma once

#include <absl/types/span.h>

#include <string>
#include <vector>

#include "controller/connections/fleet_table.h"
#include "controller/connections/row_query.h"
#include "controller/tui/canvas.h"
#include "controller/tui/columns.h"

namespace tcpfleet::controller {

class RowPainter {
 public:
  explicit RowPainter(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}

  const std::vector<TableColumn>& columns() const { return columns_; }
  void SetColumns(std::vector<TableColumn> columns);

  // Before drawing: what is about to be drawn, on a screen of that width.
  void Fit(absl::Span<const ConnectionRow* const> rows, absl::Span<const RowGroup> groups,
           absl::Span<const HostView> hosts, int width);
  // Values shown, without sparklines, from the left.
  std::vector<Column> ShownColumns() const;
  // That do not fit.
  std::vector<std::string> LeftOut() const;

  // `indent` columns from the left.
  void DrawTitles(Canvas& canvas, int y, int indent, const RowOrder& order, Look look) const;
  void DrawRow(Canvas& canvas, int y, int indent, const ConnectionRow& row,
               absl::Span<const HostView> hosts) const;
  void DrawGroupTitles(Canvas& canvas, int y, absl::Span<const Column> by) const;
  void DrawGroup(Canvas& canvas, int y, const RowGroup& group, bool unfolded,
                 absl::Span<const Column> by) const;

 private:
  std::vector<TableColumn> columns_;
  std::vector<int> needed_;  // one per column: what it has needed so far
  int width_ = 0;
  std::vector<PlacedColumn> placed_;
  std::vector<int> key_widths_;  // of groups
};

}  // namespace tcpfleet::controller
