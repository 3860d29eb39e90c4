#include "controller/tui/row_painter.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/units.h"
#include "controller/cli/text.h"
#include "controller/tui/rate_text.h"
#include "controller/tui/sparkline.h"

namespace tcpfleet::controller {
namespace {

using Kind = Column::Kind;

bool IsEndpoint(const Column& column) {
  return column.kind == Kind::kLocal || column.kind == Kind::kPeer;
}

// No column takes the whole line.
int MostWidth(const Column& column, int line) {
  switch (column.kind) {
    case Kind::kLocal:
    case Kind::kPeer:
      return line < 120 ? 21 : line < 160 ? 30 : 47;  // IPv4 with port; IPv6 with port
    case Kind::kCommand:
    case Kind::kCgroup:
      return std::max(16, line / 4);
    default:
      return 16;
  }
}

// Cut so that the port stays.
std::string ShortEndpoint(const std::string& text, int width) {
  const size_t colon = text.rfind(':');
  const int excess = DisplayWidth(text) - width;
  if (excess <= 0 || colon == std::string::npos) return text;
  const int room = static_cast<int>(colon) - excess;
  return absl::StrCat(Shortened(text.substr(0, colon), std::max(1, room)), text.substr(colon));
}

std::vector<float> Values(const Trace& trace) {
  std::vector<float> values(trace.size());
  for (size_t i = 0; i < trace.size(); ++i) values[i] = trace.at(i);
  return values;
}

// What a group shows besides its keys.
struct GroupColumn {
  absl::string_view title;
  int width;
  std::string (*text)(const RowGroup& group);
};
std::string Time(const std::optional<double>& us) {
  return us.has_value() ? base::FormatMicroseconds(*us) : "-";
}
const std::array<GroupColumn, 6> kGroupColumns = {{
    {"CONNS", 8, [](const RowGroup& group) { return absl::StrCat(group.rows.size()); }},
    {"SEND", 10, [](const RowGroup& group) { return RateText(group.send_rate); }},
    {"RECEIVE", 10, [](const RowGroup& group) { return RateText(group.receive_rate); }},
    {"RETRANS", 8, [](const RowGroup& group) { return absl::StrCat(group.retransmits); }},
    {"RTT P50", 9, [](const RowGroup& group) { return Time(group.rtt_us_p50); }},
    {"RTT MAX", 9, [](const RowGroup& group) { return Time(group.rtt_us_max); }},
}};
constexpr int kFoldMark = 2;

}  // namespace

void RowPainter::SetColumns(std::vector<TableColumn> columns) {
  columns_ = std::move(columns);
  needed_.clear();
}

void RowPainter::Fit(absl::Span<const ConnectionRow* const> rows, absl::Span<const RowGroup> groups,
                     absl::Span<const HostView> hosts, int width) {
  if (width != width_ || needed_.size() != columns_.size()) {
    width_ = width;
    needed_.clear();
    for (const TableColumn& column : columns_) {
      // One more than the title, for the mark of the order.
      needed_.push_back(column.sparkline ? kSparklineWidth
                                         : DisplayWidth(ColumnTitle(column.column)) + 1);
    }
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    const TableColumn& column = columns_[i];
    if (column.sparkline) continue;
    for (const ConnectionRow* const row : rows) {
      const int wanted = DisplayWidth(Printable(CellText(column.column, *row, hosts)));
      needed_[i] = std::max(needed_[i], std::min(wanted, MostWidth(column.column, width)));
    }
  }
  std::vector<TableColumn> columns = columns_;
  std::vector<int> widths = needed_;
  for (size_t i = 0; i < columns.size() && hosts.size() == 1 && columns.size() > 1; ++i) {
    if (columns[i].column.kind != Kind::kHost) continue;  // all rows would say the same
    columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(i));
    widths.erase(widths.begin() + static_cast<std::ptrdiff_t>(i));
  }
  placed_ = PlaceColumns(columns, widths, width);

  key_widths_.clear();
  for (const RowGroup& group : groups) {
    key_widths_.resize(std::max(key_widths_.size(), group.keys.size()), 0);
    for (size_t i = 0; i < group.keys.size(); ++i) {
      key_widths_[i] =
          std::max(key_widths_[i], std::min(width / 2, DisplayWidth(Printable(group.keys[i]))));
    }
  }
}

std::vector<Column> RowPainter::ShownColumns() const {
  std::vector<Column> shown;
  for (const PlacedColumn& placed : placed_) {
    if (!placed.column.sparkline) shown.push_back(placed.column.column);
  }
  return shown;
}

std::vector<std::string> RowPainter::LeftOut() const {
  std::vector<std::string> names;
  for (const TableColumn& column : columns_) {
    const bool shown = std::any_of(placed_.begin(), placed_.end(), [&](const PlacedColumn& placed) {
      return placed.column == column;
    });
    if (!shown && !column.sparkline) names.push_back(ColumnName(column.column));
  }
  return names;
}

void RowPainter::DrawTitles(Canvas& canvas, int y, int indent, const RowOrder& order,
                            Look look) const {
  int x = indent;
  for (const PlacedColumn& placed : placed_) {
    const Column& column = placed.column.column;
    if (!placed.column.sparkline) {
      std::string title = ColumnTitle(column);
      if (column == order.column) title += order.descending ? "▼" : "▲";
      if (AlignsRight(column)) {
        canvas.PutRight(x + placed.width, y, title, look);
      } else {
        canvas.Put(x, y, title, look, placed.width);
      }
    }
    x += placed.width + 1;
  }
}

void RowPainter::DrawRow(Canvas& canvas, int y, int indent, const ConnectionRow& row,
                         absl::Span<const HostView> hosts) const {
  int x = indent;
  for (const PlacedColumn& placed : placed_) {
    const Column& column = placed.column.column;
    if (placed.column.sparkline) {
      canvas.Put(x, y, Sparkline(Values(TraceOf(column, row)), placed.width),
                 {.tone = Tone::kAccent}, placed.width);
    } else {
      std::string text = CellText(column, row, hosts);
      if (IsEndpoint(column)) text = ShortEndpoint(text, placed.width);
      if (AlignsRight(column)) {
        canvas.PutRight(x + placed.width, y, Shortened(Printable(text), placed.width));
      } else {
        canvas.Put(x, y, text, {}, placed.width);
      }
    }
    x += placed.width + 1;
  }
}

void RowPainter::DrawGroupTitles(Canvas& canvas, int y, absl::Span<const Column> by) const {
  int x = kFoldMark;
  for (size_t i = 0; i < by.size(); ++i) {
    const std::string title = ColumnTitle(by[i]);
    const int keys = i < key_widths_.size() ? key_widths_[i] : 0;
    canvas.Put(x, y, title);
    x += std::max(keys, DisplayWidth(title)) + 1;
  }
  for (const GroupColumn& column : kGroupColumns) {
    x += column.width;
    if (x > canvas.width()) break;
    canvas.PutRight(x, y, column.title);
    ++x;
  }
}

void RowPainter::DrawGroup(Canvas& canvas, int y, const RowGroup& group, bool unfolded,
                           absl::Span<const Column> by) const {
  canvas.Put(0, y, unfolded ? "▾" : "▸");
  int x = kFoldMark;
  for (size_t i = 0; i < by.size(); ++i) {
    const int width = std::max(key_widths_[i], DisplayWidth(ColumnTitle(by[i])));
    canvas.Put(x, y, group.keys[i], {}, width);
    x += width + 1;
  }
  for (const GroupColumn& column : kGroupColumns) {
    x += column.width;
    if (x > canvas.width()) break;
    canvas.PutRight(x, y, column.text(group));
    ++x;
  }
}

}  // namespace tcpfleet::controller
