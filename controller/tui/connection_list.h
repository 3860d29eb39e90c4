// The table of connections: which rows in which order, folded into groups or not, where the cursor
// stands, and how it is drawn.
//
// The cursor stays on its connection while the order changes; at the top, where it starts, it stays
// at the top.
//
// Threads: not thread-safe.
// Bounds:  reads every row of the table once per Draw, after the table or the query changed.
#pragma once

#include <absl/types/span.h>

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/filter/filter.h"
#include "controller/connections/fleet_table.h"
#include "controller/connections/row_query.h"
#include "controller/tui/canvas.h"
#include "controller/tui/key.h"
#include "controller/tui/row_painter.h"

namespace tcpfleet::controller {

// Names a connection for as long as it lives.
struct RowKey {
  uint32_t host = 0;
  uint64_t network_namespace = 0;
  uint64_t cookie = 0;
  bool operator==(const RowKey&) const = default;
};
RowKey KeyOf(const ConnectionRow& row);
// Null when it is gone.
const ConnectionRow* FindRow(const FleetTable& table, const RowKey& key);

class ConnectionList {
 public:
  ConnectionList(const RowOrder& order, std::vector<Column> group_by,
                 std::vector<TableColumn> columns);

  // Moves, folds, sorts. False when the key means nothing here.
  bool OnKey(const Key& key);

  const std::optional<filter::Filter>& filter() const { return filter_; }
  void SetFilter(std::optional<filter::Filter> filter);
  const RowOrder& order() const { return order_; }
  void SetOrder(const RowOrder& order);
  const std::vector<Column>& group_by() const { return group_by_; }
  void SetGroups(std::vector<Column> group_by);
  void SetColumns(std::vector<TableColumn> columns) { painter_.SetColumns(std::move(columns)); }

  // The table was replaced or changed: rows may be gone.
  void TableChanged() { outdated_ = true; }
  // Draws lines [begin, end).
  void Draw(Canvas& canvas, int begin, int end, const FleetTable& table);

  // As last drawn. No row under the cursor: nothing, or a group.
  std::optional<RowKey> Selected() const;
  size_t matched() const { return matched_; }

 private:
  // Names a line for as long as it lives; the string is a group's.
  using LineKey = std::variant<std::monostate, RowKey, std::string>;
  struct Line {
    const ConnectionRow* row = nullptr;
    const RowGroup* group = nullptr;  // neither: the titles below an unfolded group
  };

  void Requery();
  bool Navigate(const Key& key);
  bool Sort(const Key& key);
  bool Fold(const Key& key);
  void Move(int by);
  void Click(int y);

  void Select(const FleetTable& table);
  bool HasLines(size_t begin, size_t end) const;
  void SelectLines(const FleetTable& table);
  void SelectRowLines(const FleetTable& table);
  void SelectGroupLines(const FleetTable& table);
  void ScrollToCursor();
  void DrawLine(Canvas& canvas, const Line& line, const FleetTable& table);
  static LineKey KeyOfLine(const Line& line);
  LineKey UnderCursor() const;

  std::optional<filter::Filter> filter_;
  RowOrder order_;
  std::vector<Column> group_by_;
  RowPainter painter_;
  std::set<std::string> unfolded_;

  bool outdated_ = true;     // the lines may point to rows that are gone
  std::vector<Line> lines_;  // those around the cursor
  size_t first_line_ = 0;    // place of lines_.front() among all
  std::vector<RowGroup> groups_;
  size_t total_ = 0;  // lines there are, `lines_` or more
  size_t matched_ = 0;

  size_t cursor_ = 0;
  size_t top_ = 0;
  size_t page_ = 1;
  LineKey followed_;
  bool follow_cursor_ = false;  // from the next Draw on, follow what is under the cursor
  std::vector<LineKey> drawn_;  // from top_ on
  int first_y_ = 0;             // where they start on the screen
};

}  // namespace tcpfleet::controller
